"""Foreign tokens: whose token it looks like, when that is not the server's.

Services give their tokens prefixes so that a leaked one is known for what it is. A token pasted into the
wrong row is known by the same mark, before it is sent to somebody it does not belong to.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

#: (Prefixes, service, domains that may have such tokens), from each service's own documentation.
SERVICES: Final = (
    (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        "GitHub",
        ("github.com", "githubcopilot.com", "ghe.com"),
    ),
    (("glpat-", "gloas-", "gldt-", "glrt-", "glptt-"), "GitLab", ("gitlab.com",)),
    (("hf_",), "Hugging Face", ("huggingface.co", "hf.co", "hf.space")),
    (("xoxb-", "xoxp-", "xoxa-", "xoxe-", "xoxe.", "xapp-"), "Slack", ("slack.com",)),
    (("sk-ant-",), "Anthropic", ("anthropic.com", "claude.com", "claude.ai")),
    (("sk-proj-", "sk-svcacct-"), "OpenAI", ("openai.com",)),
    (("sk_live_", "sk_test_", "rk_live_", "rk_test_"), "Stripe", ("stripe.com",)),
    (("lin_api_", "lin_oauth_"), "Linear", ("linear.app",)),
    (("ntn_",), "Notion", ("notion.com", "notion.so")),
    (("figd_", "figu_"), "Figma", ("figma.com",)),
    (("npm_",), "npm", ("github.com",)),
    (("pypi-",), "PyPI", ("python.org",)),
    (("dckr_pat_", "dckr_oat_"), "Docker", ("docker.com", "docker.io")),
    (("AIza", "ya29."), "Google", ("google.com", "googleapis.com")),
    (("AKIA", "ASIA"), "Amazon Web Services", ("amazonaws.com", "aws.amazon.com", "api.aws")),
    (("gsk_",), "Groq", ("groq.com",)),
    (("xai-",), "xAI", ("x.ai",)),
    (("pplx-",), "Perplexity", ("perplexity.ai",)),
    (("tvly-",), "Tavily", ("tavily.com",)),
    (("nvapi-",), "NVIDIA", ("nvidia.com",)),
    (("r8_",), "Replicate", ("replicate.com",)),
    (("dop_v1_", "doo_v1_"), "DigitalOcean", ("digitalocean.com",)),
    (("shpat_", "shpca_", "shppa_"), "Shopify", ("shopify.com", "myshopify.com", "shopify.dev")),
    (("sbp_",), "Supabase", ("supabase.com", "supabase.co")),
    (("PMAK-",), "Postman", ("postman.com", "getpostman.com")),
    (("ATATT", "ATCTT"), "Atlassian", ("atlassian.com", "atlassian.net")),
    (("glsa_", "glc_"), "Grafana", ("grafana.com", "grafana.net")),
    (("sntrys_", "sntryu_"), "Sentry", ("sentry.io", "sentry.dev")),
    (("vercel_", "vcp_"), "Vercel", ("vercel.com",)),
    (("SG.",), "SendGrid", ("sendgrid.com",)),
    (("sq0atp-", "EAAA"), "Square", ("squareup.com",)),
    (("pat_na1-", "pat-na1-", "pat-eu1-"), "HubSpot", ("hubspot.com", "hubapi.com")),
)


def foreign_service(token: str, address: str) -> str | None:
    """Return the service that the token looks like one of, when the address is none of that service's."""
    try:
        host = (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        # An address that came past the catalogue's checks is nobody's home.
        host = ""
    for prefixes, service, domains in SERVICES:
        if token.startswith(prefixes):
            at_home = any(host == domain or host.endswith(f".{domain}") for domain in domains)
            return None if at_home else service
    return None
