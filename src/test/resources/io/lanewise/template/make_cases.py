"""Writes cases.json beside this file: templates, their variables, and what Jinja for Python makes of them.

Run with Python 3 and Jinja2 3.1. The environment is the one of Hugging Face's transformers: trim_blocks, lstrip_blocks,
loop controls, json without escapes, raise_exception.
"""
import json
import pathlib

from jinja2 import ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent


def refuse(message):
    raise ValueError(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[ext.loopcontrols])
env.filters["tojson"] = to_json
env.globals["raise_exception"] = refuse


def say(role, content, **more):
    return {"role": role, "content": content, **more}


CALL = {"id": "abc123def", "type": "function",
        "function": {"name": "weather", "arguments": {"city": "Zürich", "days": 3, "units": None}}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells the \"weather\"",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
CHATS = {
    "one question": [say("user", "Hello")],
    "several turns": [say("user", "Hello"), say("assistant", "Hi there"), say("user", "Who are you"),
                      say("assistant", "   I am an assistant   "), say("user", "Another\n\nquestion ")],
    "system": [say("system", "You are a helpful assistant"), say("user", "Hello"), say("assistant", "Hi there"),
               say("user", "Who are you")],
    "thinking": [say("user", "2+2?"), say("assistant", "<think>\nTwo and two.\n</think>\n\n4."), say("user", "3+3?"),
                 say("assistant", "<think>\nThree, three.\n</think>\n\n6.")],
    "unicode": [say("system", "Sé breve. 短く。"), say("user", "¿Qué tal? 👋🏽\t<b>&amp;</b> 'quotes' \"double\" {{ no }} {% no %}")],
    "tools": [say("user", "Weather?"), say("assistant", "", tool_calls=[CALL]), say("tool", "rain", tool_call_id="abc123def"),
              say("assistant", "It rains."), say("user", "Thanks")],
}

DATA = {
    "n": 7, "x": 2.5, "s": "  Hello World  ", "e": "", "t": True, "f": False, "none": None,
    "list": [3, 1, 2], "words": ["b", "A", "c"], "box": {"a": 1, "b": {"c": "d"}}, "empty": [],
    "people": [{"name": "Ann", "age": 31}, {"name": "Bob", "age": 7}, {"name": "Cy"}],
    "text": "one</think>two</think>three", "multi": "a\nb\n\nc", "uni": "naïve 😀 ß",
}
EXPRESSIONS = r"""
1 + 2 * 3 ** 2
-2 ** 2
-n|abs
7 // 2 ~ '|' ~ -7 // 2 ~ '|' ~ -7 % 3 ~ '|' ~ 7 / 2
n / 7
x * 2
(1 + 2) ~ 3 ~ 2 * 4
'a' * 3
n > 5 and x < 3 or f
not n is defined
not missing is defined
missing is not defined and n is defined
not f and not e
n == 7.0
1 < n <= 7
'a' in 'cat'
'z' not in words
'a' in box and 'zz' not in box
n in list or 3 in list
missing|default('d') ~ e|default('x') ~ e|default('x', true)
s|trim|length
s.strip() + '|' + s.lstrip() + '|' + s.rstrip()
'xxabcxx'.strip('x') + 'xxabcxx'.lstrip('x') + 'xxabcxx'.rstrip('x')
text.split('</think>')[-1]
text.split('</think>')
text.split('</think>', 1)
text.rsplit('</think>', 1)
'  a b   c '.split()
'a,b,,c'.split(',')
multi.splitlines()
s.startswith('  H') and s.endswith(('x', ' '))
'hello world foo'.title() ~ 'hELLO'.capitalize() ~ 'Ab'.upper() ~ 'Ab'.lower()
'aXbXc'.replace('X', '--') ~ 'aXbXc'.replace('X', '-', 1)
'abc'.find('c') ~ 'abc'.find('z') ~ 'banana'.count('an')
', '.join(words)
list[0] ~ list[-1] ~ list[1:] ~ list[:-1] ~ list[::-1] ~ list[::2]
'hello'[1:3] ~ 'hello'[::-1] ~ 'hello'[-1] ~ uni[6]
list[10:] ~ list[-10:2]
list|length ~ uni|length ~ box|length
words|join('+') ~ people|join(', ', attribute='name')
list|sort ~ words|sort ~ list|sort(reverse=true) ~ people[:2]|sort(attribute='age')|map(attribute='name')|list
list|first ~ list|last ~ list|min ~ list|max ~ list|sum
list|reverse|list
people|map(attribute='name')|join(',')
people|map(attribute='age', default=0)|list
words|map('upper')|list
people|selectattr('age', 'defined')|map(attribute='name')|list
people|rejectattr('age')|map(attribute='name')|list
people|selectattr('name', 'equalto', 'Bob')|list
list|select('odd')|list ~ list|reject('gt', 1)|list
[1, 1, 2]|unique|list
box.a ~ box['b'].c ~ box.get('zz', 'none') ~ box.get('a')
box.items()|list
box|items|list
box.keys()|list ~ box.values()|list
box|tojson
people|tojson(indent=2)
{'k': [1, 2.5, true, none, 'ü"\n']}|tojson
[]|tojson(indent=2) ~ {}|tojson(indent=2)
{'b': 1, 'a': 2}|tojson(sort_keys=true)
[1, 'two', 3.0, none, true, {'k': 'v'}]
('a', 'b')|list ~ ('a', 'b') ~ ('a',) ~ ()
"it's" ~ ["it's", 'say "x"', 'both \' and "', 'tab\t']
'3'|int + '4.9'|int + 'x'|int(5)
'3.5'|float ~ 3|float ~ 2.567|round(2) ~ 3.7|int
n if t else x
'yes' if missing else 'no'
('a' if f) ~ 'b'
n is number and s is string and box is mapping and list is iterable and list is sequence and none is none
n is odd ~ n is even ~ n is divisibleby 7 ~ n is divisibleby(2)
n is eq 7 ~ n is ne(8) ~ n is in [7, 8] ~ n is gt 3
t is true ~ t is false ~ t is boolean ~ n is integer ~ x is float
'AB' is upper ~ 'ab' is lower
range(3)|list ~ range(1, 4)|list ~ range(5, 0, -2)|list
1e3 ~ ' ' ~ 1.5e-7 ~ ' ' ~ 100000000000000000.0 ~ ' ' ~ 0.1 ~ ' ' ~ 1_000 ~ ' ' ~ 0.0001234 ~ ' ' ~ 1234567890123456.0 ~ ' ' ~ -1.5e300 ~ ' ' ~ 0.0
true ~ True ~ false ~ none ~ None
'a' 'b' "c"
'\n\t\\\'\"\x41\u00e9\U0001F600\q'
multi|indent(2) ~ '|' ~ multi|indent(2, true)
'<a href="x">&\'</a>'|escape
'hello world'|title ~ 'HELLO'|lower ~ 'hi'|upper ~ 'hELLO'|capitalize ~ 5|string
'a-b'|replace('-', '+')
dict(a=1, b='c')|tojson
namespace(a=1).a
(1, 2) == (1, 2)
[1, [2, 3]] == [1, [2, 3]]
'abc' < 'abd' and [1, 2] < [1, 3]
list is defined and list
e or 'fallback'
n and 'both'
not (n and f)
'%' ~ 10 % 4
n - -1
+n
people[0].name ~ people[2].age
people[0]['name'][0]
'a'.upper().lower().title()
""".strip().split("\n")

STATEMENTS = [
    "{% for i in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}",
    "{% for i in empty %}x{% else %}none{% endfor %}",
    "{% for i in list if i > 1 %}{{ i }}/{{ loop.length }} {% endfor %}",
    "{% for p in people if p.age is defined and p.age > 10 %}{{ p.name }}{% endfor %}",
    "{% for k, v in box.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in box %}{{ k }}{% endfor %}",
    "{% for c in 'añ😀' %}[{{ c }}]{% endfor %}",
    "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in list %}{{ loop.previtem if not loop.first }}<{{ i }}>{{ loop.nextitem if not loop.last }}{% endfor %}",
    "{% for i in list %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for i in list %}{% for j in words %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% set a = 1 %}{% for i in list %}{% set a = a + i %}{% endfor %}{{ a }}",
    "{% set a = 1 %}{% if t %}{% set a = 2 %}{% endif %}{{ a }}",
    "{% set ns = namespace(a=1) %}{% for i in list %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}",
    "{% set a, b = 1, 'x' %}{{ a }}{{ b }}",
    "{% set block %}one {{ n }} two{% endset %}[{{ block }}]",
    "{% set block | upper %}one{% endset %}[{{ block }}]",
    "{% filter upper %}abc {{ n }}{% endfilter %}",
    "{% macro greet(name, mark='!') %}Hello {{ name }}{{ mark }}{% endmacro %}{{ greet('Ann') }}{{ greet('Bob', mark='?') }}{{ greet(name='Cy') }}",
    "{% macro count(i) %}{{ i }}{% if i > 0 %}{{ count(i - 1) }}{% endif %}{% endmacro %}{{ count(3) }}",
    "{% if f %}a{% elif n == 7 %}b{% elif t %}c{% else %}d{% endif %}",
    "{% if not t %}a{% else %}b{% endif %}",
    "  {% if t %}\n  yes\n  {% endif %}\nend\n",
    "a\n  {%- if t -%}\n  yes\n  {%- endif -%}\n  end",
    "a\n  {%+ if t %}\n  yes\n  {%+ endif %}\n  end",
    "a {# comment #} b\n  {# line #}\n c {#- tight -#} d",
    "x {{- n -}} y {{ n }} z\n{{ n }}\n{{ n }}\n",
    "{% raw %}{{ no }} {% if %}{% endraw %}!",
    "a {%- raw -%} {{ no }} {%- endraw -%} b",
    "{{ '{{' }} {{ \"%}\" }} {{ '}}' }}",
    "{{ {'a': {'b': 1}}['a']['b'] }}",
    "{% for i in [1, 2, 3] -%}\n  {{ i }}\n{%- endfor %}",
    "{%- for i in list %}\n    {{- i }}\n    {%- if not loop.last %}\n        {{- ', ' }}\n    {%- endif %}\n{%- endfor %}\n",
    "line one\n\n\nline two\n\n",
    "{%- set a = 'x' -%}\n\n{{ a }}\n\n{%- if a == 'x' %}\n\n  in\n{% endif %}\n",
    "\t{% if t %}tab{% endif %}\t",
    "no newline {% if t %}\nA{% endif %}\n\nB",
    "{{ missing }}|{{ box.missing }}|{{ list[9] }}",
    "{% for m in people %}{{ m.name }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% set x = missing %}{{ x is defined }}",
    "{% set messages = list[1:] %}{% for m in messages %}{{ m }}{% endfor %}",
]


def published():
    for file in sorted((HERE / "published").glob("*.jinja")):
        template = file.read_text(encoding="utf-8")
        for name, messages in CHATS.items():
            for generate in (True, False):
                variables = {"messages": messages, "add_generation_prompt": generate, "bos_token": "<BOS>", "eos_token": "<EOS>"}
                if name == "tools":
                    variables["tools"] = [TOOL]
                case = {"name": f"{file.stem}, {name}, {'prompt' if generate else 'closed'}", "file": file.name,
                        "variables": variables}
                try:
                    case["expected"] = env.from_string(template).render(**variables)
                except Exception as problem:
                    case["refused"] = str(problem)
                yield case


def small():
    for template in ["{{ " + e + " }}" for e in EXPRESSIONS] + STATEMENTS:
        case = {"name": template, "template": template}
        try:
            case["expected"] = env.from_string(template).render(**DATA)
        except Exception as problem:
            case["refused"] = str(problem)
        yield case


cases = {"data": DATA, "cases": list(published()) + list(small())}
(HERE / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
print(len(cases["cases"]), "cases,", sum("refused" in c for c in cases["cases"]), "refused")
for c in cases["cases"]:
    if "refused" in c:
        print(c["name"], "->", c["refused"])
