"""The application over a Predictor."""

from salary_kedro.serving.draining import Drain
from salary_kedro.serving.guard import AddSpan, Guard
from salary_kedro.serving.load import Load
from salary_kedro.serving.predictor import Predictor
from salary_kedro.serving.routes import Routes
from salary_kedro.serving.settings import Settings


def create_app(
    predictor: Predictor,
    settings: Settings | None = None,
    drain: Drain | None = None,
    add_span: AddSpan | None = None,
) -> Guard:
    """Build the application; it always answers from what the predictor serves at that moment.

    Args:
        predictor: Holds what is served.
        settings: Who may ask, and where; by default anyone may, without a proxy.
        drain: Tells when the server is about to end; None if nobody asks.
        add_span: Told of each request; None if nobody wants spans.
    """
    load, settings = Load(), settings or Settings()
    return Guard(Routes(predictor, load, settings, drain), load, settings, add_span)
