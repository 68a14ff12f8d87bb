#!/usr/bin/env python3
"""Writes cases.json: small templates with what Jinja itself makes of them (pip: jinja2 3.1), set up as chat templates are
rendered: trim_blocks, lstrip_blocks, JSON without escapes. Run it after adding a template; the tests read cases.json."""
import json, os
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = os.path.dirname(os.path.abspath(__file__))
MESSAGES = [
    {"role": "system", "content": "Be kind.\n"},
    {"role": "user", "content": "  Hällo 😀 <|im_end|> "},
    {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHi \"you\"\\ \t."},
    {"role": "user", "content": "Bye"},
]
TEMPLATES = [
    "{% for m in messages %}{{ m.role }}: {{ m['content'] }}|{% endfor %}",
    "{%- for m in messages -%}  {{ loop.index }}/{{ loop.length }}{{ loop.first }}{{ loop.last }}{{ loop.revindex0 }} {%- endfor -%}",
    "a\n  {% if true %}\n  b\n  {% endif %}\nc\n",
    "a\n  {%+ if true %}\n  b\n  {%- endif +%}\nc\n\n",
    "x {# a comment #} y\n{# another -#}  \n z {#- third #}\nend",
    "{{ 'a' 'b' + \"c\\n\\t\\\\\\'\\x41\\u00e4\\q\" }}",
    "{{ 1 + 2 * 3 - 4 // 3 % 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 * -3 }}",
    "{{ 'a' ~ 1 ~ none ~ true ~ undefined_thing ~ 1.5 }}",
    "{{ 1 < 2 <= 2 }} {{ 'a' < 'b' }} {{ 1 == 1.0 }} {{ 'a' != 'b' }} {{ not 1 == 2 }} {{ 3 > 2 > 2 }}",
    "{{ 'b' in 'abc' }} {{ 'z' not in 'abc' }} {{ 2 in [1, 2] }} {{ 'k' in {'k': 1} }} {{ 1 in (1, 2) }}",
    "{{ 'yes' if messages else 'no' }}{{ 'no' if not messages }}{{ 1 if false else 2 if false else 3 }}",
    "{{ messages|length - 1 }} {{ messages[0].content|trim }} {{ 'x'|default('y') }} {{ nothing|default('y') }} {{ ''|d('z', true) }}",
    "{{ messages[::-1][0].content }} {{ messages[1:3]|length }} {{ 'häuser'[1:4] }} {{ 'häuser'[::-1] }} {{ 'abc'[-2:] }}{{ 'abc'[5:] }}{{ 'abcdef'[4:0:-2] }}",
    "{{ messages[-1]['content'] }} {{ [1, 2, 3][-1] }} {{ 'abc'[1] }} {{ {'a': {'b': 5}}.a.b }}",
    "{% set ns = namespace(found=false, n=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.found = true %}{% set ns.n = ns.n + loop.index0 %}{% endif %}{% endfor %}{{ ns.found }} {{ ns.n }}",
    "{% set x = 1 %}{% for m in messages %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% for m in messages if m.role == 'user' %}{{ loop.index }}{{ m.content|trim }}{% else %}none{% endfor %}",
    "{% for m in messages if m.role == 'tool' %}x{% else %}none{% endfor %}",
    "{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}{% if loop.last %}{% break %}{% endif %}{{ m.role }}{% endfor %}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}{% for k in {'x': 1} %}{{ k }}{% endfor %}",
    "{% for a in [1, 2] %}{% for b in [3, 4] %}{{ loop.index }}{{ a * b }} {% endfor %}{{ loop.index }}{% endfor %}",
    "{{ messages[2].content.split('</think>')[-1].lstrip('\\n') }}|{{ messages[2].content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}",
    "{{ '</think>' in messages[2].content }} {{ messages[1].content.startswith('  H') }} {{ messages[1].content.endswith('x') }} {{ messages[1].content.strip() }}|",
    "{{ messages[0].content is string }} {{ messages is string }} {{ messages is iterable }} {{ messages[0] is mapping }} {{ x is defined }} {{ x is not defined }} {{ none is none }} {{ 3 is odd }} {{ 4 is divisibleby 2 }} {{ 4 is eq(4) }} {{ tools is none }} {{ true is true }} {{ 1 is true }} {{ 1 is number }} {{ true is boolean }} {{ 'a' is sequence }}",
    "{{ messages|tojson }}{{ {'a': [1, 2.5, none, true, 'ü\\n']}|tojson }}",
    "{{ messages|map(attribute='role')|join(', ') }} {{ messages|selectattr('role', 'equalto', 'user')|list|length }} {{ (messages|rejectattr('role', '==', 'user')|first).role }}",
    "{{ 'a-b-c'.replace('-', '+') }} {{ 'a b  c'.split() }}".replace("{{ 'a b  c'.split() }}", "{{ 'a b  c'.split()|join('|') }} {{ 'a,b,c'.split(',', 1)|join('|') }} {{ 'a'|upper }}{{ 'Ä'|lower }} {{ 'hELLO wORLD'|capitalize }} {{ 'x'|replace('x', 'yy') }}"),
    "{% set content %}[{{ messages[3].content }}]{% endset %}{{ content }}{{ content|length }}",
    "{{ range(3)|join }} {{ range(5, 0, -2)|list|join(',') }} {{ '12'|int + 1 }} {{ 'x'|int }} {{ 3.9|int }} {{ [3, 1]|last }} {{ 'abc'|first }} {{ [1, 2]|reverse|join }}",
    "{{ {'a': 1}.get('a') }} {{ {'a': 1}.get('b', 'no') }} {{ {'a': 1}.keys()|join }}{{ {'a': 1}.values()|join }}",
    "{% if add_generation_prompt %}go{% elif messages %}some{% else %}none{% endif %}{% if enable_thinking is defined and enable_thinking is false %}no{% endif %}",
    "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ m['role'] }}{% endif %}{% endfor %}",
    "{% for m in messages %}{% if loop.previtem is defined and loop.previtem.role == 'user' %}<{{ m.role }}{% endif %}{% if loop.nextitem is defined %}>{{ loop.nextitem.role }}{% endif %}{% endfor %}",
    "{% if messages[0].role == 'system' and messages[0].content %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0].content.strip() + '\\n\\n' %}{% else %}{% set loop_messages = messages %}{% endif %}{% for m in loop_messages %}{{ system_message if loop.first else '' }}{{ m.content }}{% endfor %}",
    "{% generation %}a{% endgeneration %}{{- ' b ' -}}  c",
    "\r\na\r\n{% if true %}\r\nb{% endif %}\r\n",
    "{{ not true or true }} {{ true and not false }} {{ 0 or 'x' }} {{ '' and 'y' }}|{{ none or none }}",
    "{{ (1, 2)|join('-') }} {{ ()|length }} {{ [] == [] }} {{ {'a': 1} == {'a': 1} }} {{ [1, 'a'] == [1, 'b'] }}",
    "{{- messages[0].content -}}\n\n{{ '}}' }}{{ '%}' }}{{ {'a': {'b': 1}}['a']['b'] }}",
    "{{ (x.y is defined) if (x is defined) else 'no x' }} {{ messages[9] is defined }} {{ messages[0].nope is defined }}",
]


def main():
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, Generation])
    environment.filters["tojson"] = lambda x: json.dumps(x, ensure_ascii=False)
    cases = []
    for template in TEMPLATES:
        text = environment.from_string(template).render(
            messages=MESSAGES, add_generation_prompt=True, tools=None, documents=None, bos_token="<s>")
        cases.append({"template": template, "text": text})
    with open(os.path.join(HERE, "cases.json"), "w", encoding="utf-8") as file:
        json.dump({"messages": MESSAGES, "cases": cases}, file, ensure_ascii=False, indent=1)


from jinja2.ext import Extension


class Generation(Extension):
    """`{% generation %}` marks text for training; rendering leaves it as it is."""

    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


main()
