package io.lanewise.template;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The tests that follow {@code is}. */
final class Tests {
    static final Map<String, Test> ALL = new HashMap<>();

    /** A test; {@code argument} is null where there is none. */
    @FunctionalInterface
    interface Test {
        boolean holds(Object value, Object argument);
    }

    static {
        ALL.put("defined", (value, none) -> !(value instanceof Undefined));
        ALL.put("undefined", (value, none) -> value instanceof Undefined);
        ALL.put("none", (value, none) -> value == null);
        ALL.put("string", (value, none) -> value instanceof String);
        ALL.put("mapping", (value, none) -> value instanceof Map<?, ?>);
        ALL.put("iterable", (value, none) -> value instanceof List<?> || value instanceof Map<?, ?>
                || value instanceof String || value instanceof Undefined);
        ALL.put("sequence", (value, none) -> value instanceof List<?> || value instanceof Map<?, ?>
                || value instanceof String || value instanceof Undefined);
        ALL.put("boolean", (value, none) -> value instanceof Boolean);
        ALL.put("true", (value, none) -> Boolean.TRUE.equals(value));
        ALL.put("false", (value, none) -> Boolean.FALSE.equals(value));
        ALL.put("number", (value, none) -> Values.isNumber(value));
        ALL.put("integer", (value, none) -> value instanceof Long);
        ALL.put("float", (value, none) -> value instanceof Double);
        ALL.put("callable", (value, none) -> value instanceof Callable);
        ALL.put("odd", (value, none) -> Math.floorMod(Values.whole(value), 2L) == 1);
        ALL.put("even", (value, none) -> Math.floorMod(Values.whole(value), 2L) == 0);
        ALL.put("divisibleby", (value, divisor) ->
                Values.equal(Arithmetic.REMAINDER.apply(value, divisor), 0L));
        ALL.put("in", (value, container) -> Values.contains(container, value));
        ALL.put("sameas", (value, other) -> value == other || value instanceof Boolean && value.equals(other));
        ALL.put("lower", (value, none) -> value instanceof String s && s.equals(s.toLowerCase()));
        ALL.put("upper", (value, none) -> value instanceof String s && s.equals(s.toUpperCase()));
        for (String name : List.of("equalto", "eq", "==")) {
            ALL.put(name, Values::equal);
        }
        for (String name : List.of("ne", "!=")) {
            ALL.put(name, (value, other) -> !Values.equal(value, other));
        }
        for (String name : List.of("lt", "lessthan", "<")) {
            ALL.put(name, (value, other) -> Values.compare(value, other) < 0);
        }
        for (String name : List.of("gt", "greaterthan", ">")) {
            ALL.put(name, (value, other) -> Values.compare(value, other) > 0);
        }
        for (String name : List.of("le", "<=")) {
            ALL.put(name, (value, other) -> Values.compare(value, other) <= 0);
        }
        for (String name : List.of("ge", ">=")) {
            ALL.put(name, (value, other) -> Values.compare(value, other) >= 0);
        }
    }

    private Tests() {}

    static Test find(String name) {
        Test test = ALL.get(name);
        if (test == null) {
            throw new TemplateException("template: there is no test '" + name + "'");
        }
        return test;
    }
}
