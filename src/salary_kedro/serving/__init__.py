"""The HTTP service over a bundle; needs neither Kedro nor the registry."""

from salary_kedro.threads import set_thread_defaults

set_thread_defaults()  # before a module here loads NumPy; workers inherit them
