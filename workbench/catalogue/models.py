"""Models in the project: an entry each, every setting kept as a version. Never a URL, never a key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.catalogue import Change
from workbench.clock import now
from workbench.errors import BadInput, UnknownName
from workbench.ids import fold, model_hash
from workbench.store import Database, insert
from workbench.store.json_columns import stored_object

MAX_PARAMETERS = 20_000  # characters of JSON
_SECRET = ("api_key", "apikey", "authorization", "base_url", "url", "token", "secret", "password", "headers")


@dataclass(frozen=True, slots=True)
class Model:
    """A catalogue entry: our name, the provider's alias and its name for the model, parameters, prices.

    Prices are money per million tokens; None when not known.
    """

    llm_model_id: str
    provider: str
    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    display_name: str = ""
    price_in: float | None = None
    price_out: float | None = None

    @property
    def hash(self) -> str:
        """The hash of all that shapes an answer: provider, name and parameters."""
        return model_hash(self.provider, self.name, self.parameters)


def store_model(db: Database, model: Model) -> Change:
    """Keep a model; changed settings become a new version. The caller holds the transaction.

    Raises BadInput for what `checked_model` refuses.
    """
    name = checked_model(model).llm_model_id.strip()
    row = db.execute(
        "select m.id, v.hash from models m left join model_versions v on v.id = m.version_id where m.llm_model_id = ?",
        (name,),
    ).fetchone()
    model_id = row[0] if row else insert(db, "models", {"llm_model_id": name})
    version_id = _version(db, model_id, model)
    db.execute(
        "update models set version_id = ?, display_name = coalesce(nullif(?, ''), display_name),"
        " price_in = coalesce(?, price_in), price_out = coalesce(?, price_out) where id = ?",
        (version_id, model.display_name, model.price_in, model.price_out, model_id),
    )
    if row is None:
        return "added"
    return "unchanged" if row[1] == model.hash else "changed"


def checked_model(model: Model, where: str = "") -> Model:
    """Give a model that a project may hold. Raises BadInput, which names `where`, for any other.

    Its name must be one that an ID can hold, its provider no address, its parameters JSON without hosts and keys.
    """
    try:
        fold(model.llm_model_id, "model")
        _refuse_secrets(model)
    except BadInput as error:
        error.where = where
        raise
    return model


def _refuse_secrets(model: Model) -> None:
    if "://" in model.provider:
        raise BadInput(
            f"the provider of model {model.llm_model_id} is an address: {model.provider!r}",
            mend="give it a short name, and bind that on this machine with `workbench providers add NAME --url …`",
        )
    extra = model.parameters.get("extra_body")
    for key in (*model.parameters, *(extra if isinstance(extra, Mapping) else ())):
        if key.lower() in _SECRET:
            raise BadInput(
                f"the parameter {key!r} of model {model.llm_model_id} does not belong in a project",
                mend="bind hosts and keys on this machine with `workbench providers add`",
            )
    try:
        length = len(json.dumps(dict(model.parameters), allow_nan=False))
    except ValueError:
        detail = f"a parameter of model {model.llm_model_id} is too large a number"
        raise BadInput(detail, mend="give numbers that are finite") from None
    if length > MAX_PARAMETERS:
        raise BadInput(f"the parameters of model {model.llm_model_id} are too long", mend="leave some out")


def _version(db: Database, model_id: int, model: Model) -> int:
    db.execute(
        "insert or ignore into model_versions (model_id, hash, provider, name, parameters, created)"
        " values (?, ?, ?, ?, ?, ?)",
        (
            model_id,
            model.hash,
            model.provider,
            model.name,
            json.dumps(dict(model.parameters), ensure_ascii=False, sort_keys=True),
            now(),
        ),
    )
    found = db.execute(
        "select id from model_versions where model_id = ? and hash = ?", (model_id, model.hash)
    ).fetchone()
    return int(found[0])


def load_model(db: Database, llm_model_id: str) -> Model:
    """Give a model as new work uses it; raises UnknownName with the names there are, DamagedFile."""
    return model_at(db, model_ids(db, llm_model_id)[0])[0]


def model_at(db: Database, model_id: int) -> tuple[Model, int]:
    """Give a model by its number, as new work uses it, and the number of its current version.

    Raises UnknownName when it has no settings, DamagedFile for parameters that are no JSON object.
    """
    name, display_name, price_in, price_out, provider, own, parameters, version_id = db.execute(
        "select m.llm_model_id, m.display_name, m.price_in, m.price_out, v.provider, v.name, v.parameters, v.id"
        " from models m left join model_versions v on v.id = m.version_id where m.id = ?",
        (model_id,),
    ).fetchone()
    if version_id is None:
        raise UnknownName(f"model {name!r} has no settings", mend="add them with `workbench models add`")
    settings = stored_object(parameters, f"the parameters of model {name}")
    return Model(name, provider, own, settings, display_name, price_in, price_out), int(version_id)


def model_ids(db: Database, llm_model_id: str) -> tuple[int, int]:
    """Give the numbers of a model and of its current version; raises UnknownName."""
    row = db.execute("select id, version_id from models where llm_model_id = ?", (llm_model_id.strip(),)).fetchone()
    if row is None or row[1] is None:
        known = [n for (n,) in db.execute("select llm_model_id from models order by 1")]
        raise UnknownName(
            f"no model {llm_model_id!r}",
            mend=f"there are {', '.join(known[:12])}" if known else "add one with `workbench models add`",
        )
    return int(row[0]), int(row[1])
