"""The page's side of the prediction service: its requests, typed answers, errors in sentences."""

import math
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import httpx

ADDRESS_VARIABLE = "SALARY_SERVICE_URL"
TOKEN_VARIABLE, TOKEN_FILE_VARIABLE = "SALARY_TOKEN", "SALARY_TOKEN_FILE"
DEFAULT_ADDRESS = "http://127.0.0.1:3000"
#: What to do about an address that is not the service's.
ELSEWHERE = (
    f"If it runs elsewhere, or on another port, set {ADDRESS_VARIABLE} to its address, such as "
    "http://127.0.0.1:3001, and start this page again."
)
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0
# The service's error codes that speak of what was sent, not of the service.
INPUT_CODES = frozenset({"invalid_input", "invalid_json", "unsupported_media_type"})

#: A value as JSON holds it: a date is its ISO text.
Scalar = float | str | bool


class ServiceError(Exception):
    """Why there is no answer; its text is a sentence for people that says what to do."""


class BadAddressError(ServiceError):
    """The configured address is not one that can be asked."""

    def __init__(self, address: str) -> None:
        """Name the address, without the password it may hold."""
        super().__init__(
            f"{ADDRESS_VARIABLE} is '{address.rpartition('@')[2]}', which is not the address of a "
            f"service. Write it like {DEFAULT_ADDRESS}, or leave it unset to use that one."
        )


class BadTokenError(ServiceError):
    """The service asks for a bearer token, and got none or another."""


class UnreachableError(ServiceError):
    """Nothing listens at the address, or it does not answer in time."""


class NoModelError(ServiceError):
    """The service runs but has no model to answer with."""

    def __init__(self, address: str, reason: str) -> None:
        """Say which service has none, why by its own words, and how to get one."""
        told = reason.rstrip(".") or "train one with `make run`"
        super().__init__(f"The prediction service at {address} has no model yet: {told}.")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one value that was sent.

    Attributes:
        field: Its field; of a batch with the row's place, such as `rows.3.experience_years`.
        message: What is wrong with it, and what is allowed.
    """

    field: str
    message: str


class BadInputError(ServiceError):
    """The service refused the values; its own text names the field and what is allowed.

    Attributes:
        problems: What is wrong, value by value, as far as the service lists it.
    """

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        """Repeat what the service has said."""
        super().__init__(message)
        self.problems = problems


class UnexpectedAnswerError(ServiceError):
    """Something answered, but not as the prediction service should."""


@dataclass(frozen=True)
class Feature:
    """One input of the served model, as its contract describes it.

    Bounds, example and the range that training covered are in `unit`, of a date ISO texts;
    None means that there is none. `categories` are the texts that are allowed, None if any is;
    `folds` says that texts are one which differ by case, dashes or spaces only. `met` are those
    that the model knows by name; `knows_others` says that training met rarer ones too, so that
    none is strange to it. What training covered is no part of the question, so a feature hashes
    without it.
    """

    name: str
    kind: str
    label: str
    help: str
    unit: str
    minimum: Scalar | None
    maximum: Scalar | None
    exclusive_minimum: Scalar | None
    exclusive_maximum: Scalar | None
    required: bool
    example: Scalar | None
    categories: tuple[str, ...] | None = None
    folds: bool = False
    met: tuple[str, ...] = field(default=(), hash=False)
    knows_others: bool = field(default=False, hash=False)
    covered: tuple[Scalar, Scalar] | None = field(default=None, hash=False)

    @classmethod
    def from_json(cls, feature: Mapping[str, Any], domain: Mapping[str, Any]) -> Self:
        """Read one entry of `contract.features`, and what `domain` tells of it.

        Raises:
            KeyError, TypeError, ValueError: if it does not have the form of one.
        """
        return cls(
            name=_text(feature["name"]),
            kind=_text(feature["kind"]),
            label=_text(feature.get("label") or feature["name"]),
            help=_text(feature.get("help") or ""),
            unit=_text(feature.get("unit") or ""),
            minimum=_scalar(feature.get("minimum")),
            maximum=_scalar(feature.get("maximum")),
            exclusive_minimum=_scalar(feature.get("exclusive_minimum")),
            exclusive_maximum=_scalar(feature.get("exclusive_maximum")),
            required=feature.get("required") is not False,
            example=_scalar(feature.get("example")),
            categories=_listed(feature.get("categories")),
            folds=feature.get("fold") is True,
            met=tuple(_text(each) for each in _of(domain, "categories", feature["name"]) or ()),
            knows_others=feature["name"] in (domain.get("others") or ()),
            covered=_range(_of(domain, "ranges", feature["name"])),
        )


@dataclass(frozen=True)
class Target:
    """What the model predicts: its key in an answer, its label and its unit ("a year, gross")."""

    name: str
    label: str
    unit: str

    @classmethod
    def from_json(cls, target: Mapping[str, Any]) -> Self:
        """Read `contract.target`.

        Raises:
            KeyError, TypeError: if it does not have the form of one.
        """
        return cls(
            name=_text(target["name"]),
            label=_text(target.get("label") or target["name"]),
            unit=_text(target.get("unit") or ""),
        )


@dataclass(frozen=True)
class ServedModel:
    """The model that the service answers with, by its name and version.

    `bundle` is the name of what holds it. `rmse` is the holdout error in the target's unit, or
    None if it was not recorded; `claimed` says that it is another project's word for it, which
    nobody here has measured.
    `reserve_reason` says why a reserve answers; it is None when the current model does.
    `compared` is the target as a question that may be asked beside the features; it is None for
    a service that compares and explains nothing. `no_intervals` says why there are none.
    """

    name: str
    version: int
    bundle: str
    reserve_reason: str | None
    rmse: float | None
    features: tuple[Feature, ...]
    target: Target
    claimed: bool = False
    compared: Feature | None = None
    no_intervals: str = ""

    @property
    def asks(self) -> int:
        """A number that two models share only if they ask for the same values."""
        return hash(self.features)

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Read the answer to `GET /model`.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: if it does not have the form of one.
        """
        is_reserve = answer.get("source") == "reserve"
        features, domain = answer["contract"]["features"], answer.get("domain") or {}
        target, intervals = answer["contract"]["target"], answer.get("intervals")
        return cls(
            name=_text(answer["model_name"]),
            version=int(answer["model_version"]),
            bundle=_text(answer.get("bundle") or ""),
            reserve_reason=_text(answer.get("reason") or "") if is_reserve else None,
            rmse=_optional_number(answer["metrics"].get("rmse")),
            features=tuple(
                Feature.from_json(each, domain)
                for each in features
                if each.get("use", "feature") == "feature"  # the service takes no others
            ),
            target=Target.from_json(target),
            claimed=answer.get("claimed") is True,
            compared=None
            if intervals is None
            else Feature.from_json({**target, "required": False}, {}),
            no_intervals=_text((intervals or {}).get("reason") or ""),
        )


@dataclass(frozen=True)
class Prediction:
    """One answer: value and interval in the target's unit, confidence as a share of 1.

    `low`, `high` and `confidence` are None when the model gives no interval. `percentile` is the
    percentage of those predicted alike who have less than the salary that was sent along, and
    `percentile_margin` by how many points it may be off; None when that is not known.
    """

    value: float
    low: float | None
    high: float | None
    confidence: float | None
    model_name: str
    model_version: int
    warnings: tuple[str, ...]
    percentile: float | None = None
    percentile_margin: float | None = None

    @classmethod
    def from_json(cls, answer: Mapping[str, Any], target: str) -> Self:
        """Read the answer to `POST /predict`, whose value is under the target's name.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: if it does not have the form of one.
        """
        return cls(
            value=_number(answer[target]),
            low=_optional_number(answer.get("low")),
            high=_optional_number(answer.get("high")),
            confidence=_optional_number(answer.get("confidence")),
            model_name=_text(answer["model_name"]),
            model_version=int(answer["model_version"]),
            warnings=tuple(_text(each) for each in answer.get("warnings") or ()),
            percentile=_optional_number(answer.get("percentile")),
            percentile_margin=_optional_number(answer.get("percentile_margin")),
        )


@dataclass(frozen=True)
class Explanation:
    """What one prediction is made of, in the target's unit.

    Attributes:
        average: The average prediction, which the contributions start from.
        contributions: What each feature adds to it, by its name; empty when it is not known.
        model_name: The model that says so.
        model_version: Its version.
    """

    average: float
    contributions: Mapping[str, float]
    model_name: str
    model_version: int

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Read the answer to `POST /explain`.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: if it does not have the form of one.
        """
        found = answer["contributions"] or {}
        return cls(
            average=_optional_number(answer.get("average_prediction")) or 0.0,
            contributions={_text(name): _number(value) for name, value in found.items()},
            model_name=_text(answer["model_name"]),
            model_version=int(answer["model_version"]),
        )


class ServiceClient:
    """Asks one prediction service; keeps no state between two requests.

    Attributes:
        address: where the service is asked, as it may be shown to people (without a password).
    """

    def __init__(self, address: str | None = None, answer_seconds: float = ANSWER_SECONDS) -> None:
        """Choose the service to ask.

        Args:
            address: its http or https address; by default what SALARY_SERVICE_URL says, or
                http://127.0.0.1:3000 if that is unset or empty.
            answer_seconds: how long a connected service may stay silent, above 0.

        Raises:
            BadAddressError: if the address is not one of an HTTP service.
            BadTokenError: if the token that the environment names cannot be read.
        """
        written = address or os.environ.get(ADDRESS_VARIABLE, "").strip() or DEFAULT_ADDRESS
        self._url = _checked_url(written)
        self.address = str(self._url.copy_with(userinfo=b"")).rstrip("/")
        self._answer_seconds = answer_seconds
        self._headers = _token_header()

    @property
    def has_token(self) -> bool:
        """Whether it sends a token."""
        return bool(self._headers)

    def model(self) -> ServedModel:
        """Ask which model is served, and what it wants to know.

        Raises:
            ServiceError: one of its kinds, with a sentence for people.
        """
        answer = self._ask("GET", "model")
        try:
            return ServedModel.from_json(answer)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._foreign("its /model describes no model that this page knows") from error

    def predict(self, values: Mapping[str, Scalar], target: str) -> Prediction:
        """Ask for one prediction.

        Args:
            values: one value for each feature's name, in the unit of the contract, and for the
                target's, if there is something to compare.
            target: the name of the contract's target.

        Raises:
            ServiceError: one of its kinds, with a sentence for people.
        """
        answer = self._ask("POST", "predict", dict(values))
        try:
            return Prediction.from_json(answer, target)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._foreign(f"its /predict gives no '{target}'") from error

    def predict_batch(
        self, rows: Sequence[Mapping[str, Scalar]], target: str, *, explores: bool = False
    ) -> tuple[Prediction, ...]:
        """Ask for many predictions at once, all by one version.

        Args:
            rows: as `predict` takes one, at most 10,000.
            target: the name of the contract's target.
            explores: whether the rows are made up: then the service takes no note of them.

        Returns:
            One for each row, in their order.

        Raises:
            ServiceError: one of its kinds, with a sentence for people.
        """
        headers = {"Salary-Purpose": "exploration"} if explores else {}
        body = {"rows": [dict(row) for row in rows]}
        answer = self._ask("POST", "predict_batch", body, headers)
        try:
            version = {key: answer[key] for key in ("model_name", "model_version")}
            return tuple(
                Prediction.from_json({**found, **version}, target)
                for found, _ in zip(answer["predictions"], rows, strict=True)
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._foreign(f"its /predict_batch gives no '{target}' for each row") from error

    def explain(self, values: Mapping[str, Scalar]) -> Explanation:
        """Ask what each feature adds to the average prediction, or takes from it.

        Args:
            values: one value for each feature's name, in the unit of the contract.

        Raises:
            ServiceError: one of its kinds, with a sentence for people.
        """
        answer = self._ask("POST", "explain", dict(values))
        try:
            return Explanation.from_json(answer)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._foreign("its /explain gives no contributions") from error

    def json(self, path: str) -> Any:
        """Ask for what the service tells at a path, such as `model/card`.

        Raises:
            ServiceError: one of its kinds, with a sentence for people.
        """
        return self._ask("GET", path)

    def _ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send one request and return the JSON of a good answer, or raise a ServiceError."""
        response = self._send(method, f"{str(self._url).rstrip('/')}/{path}", body, headers)
        if not response.is_success:
            raise self._refusal(response)
        try:
            return response.json()
        except ValueError as error:
            raise self._foreign(f"its /{path} is not JSON") from error

    def _send(
        self, method: str, url: str, body: object, headers: Mapping[str, str] | None
    ) -> httpx.Response:
        """Send one request; what goes wrong on the way becomes a ServiceError."""
        try:
            with self._http() as http:
                return http.request(method, url, json=body, headers=headers)
        except httpx.ReadTimeout as error:
            raise self._silent() from error
        except (
            httpx.NetworkError,
            httpx.TimeoutException,
            httpx.ProxyError,
            UnicodeError,
        ) as error:
            raise self._absent() from error
        except httpx.HTTPError as error:
            raise self._foreign("it does not speak HTTP as expected") from error

    def _http(self) -> httpx.Client:
        """A client that asks this machine's own services directly, never through a proxy."""
        return httpx.Client(
            headers=self._headers,
            timeout=httpx.Timeout(self._answer_seconds, connect=CONNECT_SECONDS),
            trust_env=not is_loopback(self._url.host),
            # By the machine's authorities, or SSL_CERT_FILE; plain HTTP needs none loaded.
            verify=ssl.create_default_context() if self._url.scheme == "https" else False,
        )

    def _refusal(self, response: httpx.Response) -> ServiceError:
        """The error that an answer other than 2xx stands for."""
        code, message, problems = _error_of(response)
        if code == "no_model":
            return NoModelError(self.address, message)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            return BadTokenError(
                f"The prediction service at {self.address} asks for a token, and got none or "
                f"another. Set {TOKEN_VARIABLE}, or {TOKEN_FILE_VARIABLE} to the name of its "
                "file, to what the service has, and start this page again."
            )
        if code in INPUT_CODES:
            return BadInputError(message, problems)
        if code and response.is_server_error:
            return UnexpectedAnswerError(
                f"The prediction service at {self.address} failed ({message.rstrip('.')}). "
                "Look at the terminal where `make serve` runs, then try again."
            )
        return self._foreign(f"HTTP {response.status_code}{message and ': '}{message}")

    def _absent(self) -> UnreachableError:
        return UnreachableError(
            f"The prediction service is not running, or cannot be reached, at {self.address}. "
            f"Start it with `make serve`, then try again. {ELSEWHERE}"
        )

    def _silent(self) -> UnreachableError:
        return UnreachableError(
            f"The prediction service at {self.address} did not answer within "
            f"{self._answer_seconds:g} seconds. Try again; if it stays silent, stop it and start "
            f"it with `make serve`. {ELSEWHERE}"
        )

    def _foreign(self, what: str) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(
            f"{self.address} answers, but not as the prediction service would ({what}). Start the "
            f"service with `make serve`. {ELSEWHERE}"
        )


def _checked_url(address: str) -> httpx.URL:
    """The address as a URL.

    Raises:
        BadAddressError: if it is not http or https, names no host or no port from 1 to 65535,
            or has a query or a fragment.
    """
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise BadAddressError(address) from error
    port = url.port if url.port is not None else 80
    is_usable = url.scheme in {"http", "https"} and url.host and 1 <= port <= 65535
    if not is_usable or url.query or url.fragment:
        raise BadAddressError(address)
    return url


def _token_header() -> dict[str, str]:
    """The header that holds the token, from the variables that the service reads too.

    Raises:
        BadTokenError: if its file cannot be read, or it is none.
    """
    token, file = os.environ.get(TOKEN_VARIABLE, ""), os.environ.get(TOKEN_FILE_VARIABLE)
    if file:
        if not Path(file).is_absolute():  # the service refuses it too
            raise BadTokenError(f"{TOKEN_FILE_VARIABLE} is '{file}': it must be an absolute path.")
        try:
            lines = Path(file).read_text(encoding="ascii").split("\n")
        except (OSError, UnicodeDecodeError):
            lines = []
        token = next(filter(None, map(str.strip, lines)), "")  # the first of two, the newer one
        if not token:
            raise BadTokenError(f"{TOKEN_FILE_VARIABLE} is '{file}', which holds no token.")
    if not token.isascii() or not token.isprintable():
        raise BadTokenError(f"{TOKEN_VARIABLE} holds more than a header can. Correct it.")
    return {"Authorization": f"Bearer {token}"} if token else {}


def is_loopback(host: str) -> bool:
    """Whether a host, by address or name, is this machine as it alone reaches itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _error_of(response: httpx.Response) -> tuple[str, str, tuple[Problem, ...]]:
    """Code, message and problems of the service's error answer; empty of somebody else's."""
    try:
        error = response.json()["error"]
        problems = tuple(
            Problem(_text(each["field"]), _text(each["message"]))
            for each in error.get("details") or ()
        )
        return _text(error["code"]), _text(error["message"]), problems
    except (AttributeError, KeyError, TypeError, ValueError):
        return "", "", ()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is not finite")
    return value


def _optional_number(value: object) -> float | None:
    return None if value is None else _number(value)


def _scalar(value: object) -> Scalar | None:
    return value if isinstance(value, str | bool) else _optional_number(value)


def _listed(categories: object) -> tuple[str, ...] | None:
    """The texts that are allowed; None where they are learned, or for another kind."""
    return tuple(_text(each) for each in categories) if isinstance(categories, list) else None


def _of(domain: Mapping[str, Any], part: str, name: str) -> Any:
    return (domain.get(part) or {}).get(name)


def _range(ends: Any) -> tuple[Scalar, Scalar] | None:
    low, high = (None, None) if ends is None else (_scalar(end) for end in ends)
    return None if low is None or high is None else (low, high)
