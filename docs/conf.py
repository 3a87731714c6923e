"""How Sphinx builds these pages: `make docs`."""

import enum
import inspect

import attrs

from launchpad import __version__

project = "launchpad"
author = "the authors of launchpad"
copyright = "the authors of launchpad"
release = version = __version__

extensions = ["sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build"]
default_role = "code"  # docstrings quote code as `code`

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True

nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(abc|collections|concurrent|contextlib|datetime|enum|os|pathlib|types|typing)\..*"),
    ("py:.*", r"launchpad\.(core|live|run_events|testing)\..*"),  # private classes that signatures show
    (
        "py:.*",
        r"(launchpad\.\w+\.)?(LauncherClass|Exit|F|StandardInput|Origin|Output|StreamName|T|Wait|datetime|environment\.Reference)",
    ),
]

html_theme = "furo"
html_title = f"launchpad {release}"
html_static_path = ["_static"]
html_css_files = ["launchpad.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
copybutton_prompt_text = "$ "  # is not copied, and output without it neither
pygments_style = "friendly"
pygments_dark_style = "github-dark"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1d5fa8", "color-brand-content": "#1d5fa8"},
    "dark_css_variables": {"color-brand-primary": "#7db8f0", "color-brand-content": "#7db8f0"},
}


def signature_of_fields(app, what, name, obj, options, signature, returned):
    """Returns the signature of an attrs class with the types of its fields instead of those of their converters."""
    if what != "class" or not attrs.has(obj):
        return None
    fields = [field for field in attrs.fields(obj) if field.init and not field.name.startswith("_")]
    words = ["*"] if any(field.kw_only for field in fields) else []
    return f"({', '.join(words + [f'{field.name}: {_type(field)}{_default(field)}' for field in fields])})", None


def _type(field):
    return field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)


def _default(field):
    if field.default is attrs.NOTHING:
        return ""
    if isinstance(field.default, attrs.Factory):
        made = field.default.factory()
        return f" = {made!r}" if isinstance(made, dict | list | tuple) else " = ..."
    if isinstance(field.default, frozenset):
        return f" = {{{', '.join(sorted(map(_shown, field.default)))}}}"
    return f" = {_shown(field.default)}"


def _shown(value):
    return f"{type(value).__name__}.{value.name}" if isinstance(value, enum.Enum) else repr(value)


def setup(app):
    app.connect("autodoc-process-signature", signature_of_fields)
