"""Foreign tokens: whose token it looks like, when that is not the server's.

Services give their tokens prefixes so that a leaked one is known for what it is. A token pasted into the
wrong row is known by the same mark, before it is sent to somebody it does not belong to.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

#: (Prefixes, service, domains that may have such tokens), from each service's own documentation.
#:
#: A domain stands here only when the service itself answers at every host below it. Hosts that people get
#: for programs of their own are nobody's home: `hf.space`, `supabase.co` (edge functions), `amazonaws.com`
#: and the API gateways of `api.aws`, NVIDIA's functions (`invocation.api.nvcf.nvidia.com`). Neither are
#: sites named by whoever opened them, with add-ons, proxies and plugins of their choice: `myshopify.com`,
#: `atlassian.net`, `grafana.net`. Their owners are asked for one tick.
SERVICES: Final = (
    (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        "GitHub",
        # `ghe.com`: GitHub's own, for customers whose data stay in one region; Copilot's MCP server too.
        ("github.com", "githubcopilot.com", "ghe.com"),
    ),
    (("glpat-", "gloas-", "gldt-", "glrt-", "glptt-"), "GitLab", ("gitlab.com",)),
    (("hf_",), "Hugging Face", ("huggingface.co", "hf.co")),
    (("xoxb-", "xoxp-", "xoxa-", "xoxe-", "xoxe.", "xapp-"), "Slack", ("slack.com",)),
    (("sk-ant-",), "Anthropic", ("anthropic.com", "claude.com", "claude.ai")),
    (("sk-proj-", "sk-svcacct-"), "OpenAI", ("openai.com",)),
    (("sk_live_", "sk_test_", "rk_live_", "rk_test_"), "Stripe", ("stripe.com",)),
    (("lin_api_", "lin_oauth_"), "Linear", ("linear.app",)),
    (("ntn_",), "Notion", ("notion.com", "notion.so")),
    (("figd_", "figu_"), "Figma", ("figma.com",)),
    # Package registries have no MCP server, and nobody else may have what publishes packages.
    (("npm_",), "npm", ()),
    (("pypi-",), "PyPI", ()),
    (("dckr_pat_", "dckr_oat_"), "Docker", ("docker.com", "docker.io")),
    # Where people's programs run at Google is `run.app`, `appspot.com`, `cloudfunctions.net`; an Apps
    # Script at `script.google.com` is shown no headers.
    (("AIza", "ya29."), "Google", ("google.com", "googleapis.com")),
    (
        ("AKIA", "ASIA"),
        "Amazon Web Services",
        ("aws.amazon.com", "knowledge-mcp.global.api.aws", "aws-mcp.us-east-1.api.aws"),
    ),
    (("gsk_",), "Groq", ("groq.com",)),
    (("xai-",), "xAI", ("x.ai",)),
    (("pplx-",), "Perplexity", ("perplexity.ai",)),
    (("tvly-",), "Tavily", ("tavily.com",)),
    (("nvapi-",), "NVIDIA", ("api.nvidia.com", "ngc.nvidia.com", "build.nvidia.com")),
    (("r8_",), "Replicate", ("replicate.com",)),
    # Spaces and apps are at `digitaloceanspaces.com` and `ondigitalocean.app`.
    (("dop_v1_", "doo_v1_"), "DigitalOcean", ("digitalocean.com",)),
    (("shpat_", "shpca_", "shppa_"), "Shopify", ("shopify.com", "shopify.dev")),
    (("sbp_",), "Supabase", ("supabase.com",)),
    (("PMAK-",), "Postman", ("postman.com", "getpostman.com")),
    (("ATATT", "ATCTT"), "Atlassian", ("atlassian.com",)),
    (("glsa_", "glc_"), "Grafana", ("grafana.com",)),
    (("sntrys_", "sntryu_"), "Sentry", ("sentry.io", "sentry.dev")),
    (("vercel_", "vcp_"), "Vercel", ("vercel.com",)),
    (("SG.",), "SendGrid", ("sendgrid.com",)),
    (("sq0atp-", "EAAA"), "Square", ("squareup.com",)),
    (("pat_na1-", "pat-na1-", "pat-eu1-"), "HubSpot", ("hubspot.com", "hubapi.com")),
)
#: What has to follow a prefix that alone says too little, as its service makes it.
TAILS: Final = {
    "hf_": r"(?:oauth_|jwt_|[A-Za-z0-9]{5,}+(?![A-Za-z0-9_-]))",
    "r8_": r"[A-Za-z0-9]{5,}+(?![A-Za-z0-9_-])",
    "AKIA": r"[A-Z0-9]{16}(?![A-Za-z0-9_-])",
    "ASIA": r"[A-Z0-9]{16}(?![A-Za-z0-9_-])",
    "SG.": r"[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8}",
    # Tokens of Meta begin with the same letters, and are longer.
    "EAAA": r"[A-Za-z0-9_-]{60}(?![A-Za-z0-9_-])",
}
TAIL: Final = r"[A-Za-z0-9_.-]{4}"
#: Behind these a token begins, whatever the letter before it: `Bearer%20…`, `…\n…` as it is escaped.
_ESCAPED: Final = r"(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])"
#: What stands before the first letter. A prefix of five or more is one behind any sign but those of words.
_ANYWHERE: Final = rf"(?:(?<![A-Za-z0-9_])|{_ESCAPED})"
#: A short one with `_` or `-` not behind `-` and `.` either: chance writes it into base64url and JWTs.
_OUTSIDE_JWTS: Final = rf"(?:(?<![A-Za-z0-9_.-])|{_ESCAPED})"
#: One of letters alone only behind what no base64 has; `//` as in `https://TOKEN@host`.
_OUTSIDE_BASE64: Final = rf"(?:(?<![A-Za-z0-9_.~+/-])|{_ESCAPED}|(?<=//))"


def _start_of(prefix: str) -> str:
    if not set(prefix) & {"_", "-"}:
        return _OUTSIDE_BASE64
    return _ANYWHERE if len(prefix) >= 5 else _OUTSIDE_JWTS


def _pattern() -> re.Pattern[str]:
    """Return what finds each prefix where a token may begin, and matches nothing but the prefix."""
    starts: dict[str, list[str]] = {}
    for prefix in (prefix for prefixes, _, _ in SERVICES for prefix in prefixes):
        mark = f"{re.escape(prefix)}(?={TAILS.get(prefix, TAIL)})"
        starts.setdefault(_start_of(prefix), []).append(mark)
    return re.compile("|".join(f"{start}(?:{'|'.join(marks)})" for start, marks in starts.items()))


MARK: Final = _pattern()
OWNERS: Final = {prefix: (service, domains) for prefixes, service, domains in SERVICES for prefix in prefixes}


def foreign_service(token: str, address: str) -> str | None:
    """Return the service that the token looks like one of, when the address is none of that service's.

    The prefix may stand behind what somebody left on the paste: a quote, `x-key:`, `user:`. A false alarm
    costs a tick, a miss a token. Of random tokens in base64url one in some 300,000 gives one, in base64 none.
    """
    try:
        host = (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        # An address that came past the catalogue's checks is nobody's home.
        host = ""
    for match in MARK.finditer(token):
        service, domains = OWNERS[match.group()]
        if not any(host == domain or host.endswith(f".{domain}") for domain in domains):
            return service
    return None
