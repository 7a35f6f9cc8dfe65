package io.lanewise.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates against what Jinja for Python makes of them (cases.json), and templates that mean harm. */
class TemplateTest {
    private static final Map<String, Object> FILE = read("cases.json");

    @SuppressWarnings("unchecked")
    static Stream<Named<Map<String, Object>>> cases() {
        return ((List<Map<String, Object>>) FILE.get("cases")).stream()
                .map(each -> Named.of((String) each.get("name"), each));
    }

    @ParameterizedTest
    @MethodSource("cases")
    @SuppressWarnings("unchecked")
    void rendersAsJinjaDoes(Map<String, Object> expected) {
        String source = expected.containsKey("file") ? text("published/" + expected.get("file"))
                : (String) expected.get("template");
        Map<String, Object> variables =
                (Map<String, Object>) expected.getOrDefault("variables", FILE.get("data"));
        Template template = Template.parse(source);
        if (expected.containsKey("refused")) {
            assertThatThrownBy(() -> template.render(variables)).isInstanceOf(TemplateException.class);
        } else {
            assertThat(template.render(variables)).isEqualTo(expected.get("expected"));
        }
    }

    @Test
    void namesTheLineAndTheReasonThatTheTemplateGives() {
        Template template = Template.parse("a\nb {{ raise_exception('no system role') }}");
        assertThatThrownBy(() -> template.render(Map.of()))
                .hasMessage("template, line 2: the model's template refuses this conversation: no system role");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{{", "{% if a %}", "{% for a in %}x{% endfor %}", "{{ 'open }}", "{# open", "{% endif %}", "{{ a b }}",
        "{{ a | nofilter }}", "{{ a is notest }}", "{% include 'x' %}", "{{ 99999999999999999999 }}", "{{ (1, }}", "{{ a[ }}",
        "{% break %}", "{% set %}", "{% raw %} x", "{% macro m( %}{% endmacro %}", "{{ '\\u12' }}", "{% for a in b recursive %}{% endfor %}"})
    void refusesWhatIsNoTemplate(String source) {
        assertThatThrownBy(() -> Template.parse(source)).isInstanceOf(TemplateException.class)
                .hasMessageStartingWith("template");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{% for a in range(1000000) %}{% for b in range(1000000) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='xxxxxxxx') %}{% for a in range(1000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for a in range(1000) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{{ 'x' * 999999999999 }}", "{{ range(0, 99999999999) }}", "{{ 'aaaaaaaa'.replace('a', 'b' * 9999999) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in range(100000) %}{{ 'x' * 1000 }}{% endfor %}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ none.x.y }}", "{{ missing.x }}",
        "{{ 'a' + 1 }}", "{{ 'a' < 1 }}", "{{ 5() }}", "{{ [1, 2][::0] }}", "{{ ''.split('') }}", "{% set a, b = [1] %}",
        "{% set n.x = 1 %}", "{{ strftime_now('%Q') }}", "{{ [1] | join('x' * 9999999) | indent(1000) ~ ('x' * 9999999) * 9 }}",
        "{{ ['x' * 9999999, 'y'] | join('z' * 9999999) }}"})
    void refusesWhatDoesNotEndOrHasNoValue(String source) {
        Template template = Template.parse(source);
        assertThatThrownBy(() -> template.render(Map.of("n", 1))).isInstanceOf(TemplateException.class)
                .hasMessageStartingWith("template");
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "[", "{% if a %}", "not ", "-", "a.", "x + ", "f(", "{'a':", "1 if 2 else ", "a|upper", "x ~ "})
    void refusesDeepNestingWithoutOverflow(String unit) {
        String source = (unit.startsWith("{%") ? "" : "{{ a") + unit.repeat(200_000 / unit.length());
        assertThatThrownBy(() -> Template.parse(source).render(Map.of())).isInstanceOf(TemplateException.class);
    }

    @Test
    void refusesHugeTemplates() {
        assertThatThrownBy(() -> Template.parse("x".repeat(2_000_000))).hasMessageContaining("at most");
    }

    @Test
    void damagedTemplatesAreRefusedOrRendered() {
        Random random = new Random(7);
        String source = text("published/qwen3.jinja");
        Map<String, Object> variables = Map.of("messages", List.of(Map.of("role", "user", "content", "Hello")));
        for (int round = 0; round < 2_000; round++) {
            StringBuilder damaged = new StringBuilder(source);
            for (int change = random.nextInt(1, 6); change > 0; change--) {
                int at = random.nextInt(damaged.length());
                switch (random.nextInt(3)) {
                    case 0 -> damaged.deleteCharAt(at);
                    case 1 -> damaged.insert(at, source.charAt(random.nextInt(source.length())));
                    default -> damaged.delete(at, Math.min(damaged.length(), at + random.nextInt(40)));
                }
            }
            try {
                Template.parse(damaged.toString()).render(variables);
            } catch (TemplateException refused) {
                assertThat(refused.getMessage()).startsWith("template");
            }
        }
    }

    private static String text(String name) {
        try (InputStream in = TemplateTest.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> read(String name) {
        try (JsonParser json = new JsonFactory().createParser(text(name))) {
            json.nextToken();
            return (Map<String, Object>) value(json);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static Object value(JsonParser json) throws IOException {
        return switch (json.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> map = new LinkedHashMap<>();
                while (json.nextToken() != JsonToken.END_OBJECT) {
                    String key = json.currentName();
                    json.nextToken();
                    map.put(key, value(json));
                }
                yield map;
            }
            case START_ARRAY -> {
                List<Object> list = new ArrayList<>();
                while (json.nextToken() != JsonToken.END_ARRAY) {
                    list.add(value(json));
                }
                yield list;
            }
            case VALUE_NULL -> null;
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NUMBER_INT -> json.getLongValue();
            case VALUE_NUMBER_FLOAT -> json.getDoubleValue();
            default -> json.getText();
        };
    }
}
