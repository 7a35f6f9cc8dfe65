package io.lanewise.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What may follow a {@code |}. */
final class Filters {
    static final Map<String, Filter> ALL = new HashMap<>();

    /** Makes a value of another. */
    @FunctionalInterface
    interface Filter {
        Object apply(Object value, Given given);
    }

    /** What a filter is given beside its value. */
    record Given(Frame frame, String filter, List<Object> arguments, Map<String, Object> named) {
        /** An argument by position or name, or else {@code otherwise}. */
        Object get(int index, String name, Object otherwise) {
            return index < arguments.size() ? arguments.get(index) : named.getOrDefault(name, otherwise);
        }

        String string(int index, String name, String otherwise) {
            Object value = get(index, name, otherwise);
            if (value == null || value instanceof String) {
                return (String) value;
            }
            throw Values.misuse(filter + ": expected a string", value);
        }
    }

    static {
        text();
        numbers();
        lists();
        ALL.put("default", (value, given) -> value instanceof Undefined
                || Values.truth(given.get(1, "boolean", false)) && !Values.truth(value)
                ? given.get(0, "default_value", "") : value);
        ALL.put("d", ALL.get("default"));
        ALL.put("tojson", Filters::json);
        ALL.put("items", (value, given) -> value instanceof Undefined ? List.of() : Methods.items(map(value, given)));
        ALL.put("dictsort", (value, given) -> {
            List<Object> items = Methods.items(map(value, given));
            items.sort((a, b) -> Values.compare(((List<?>) a).getFirst(), ((List<?>) b).getFirst()));
            return items;
        });
    }

    private Filters() {}

    private static void text() {
        ALL.put("trim", (value, given) -> Methods.strip(Values.text(value), given.string(0, "chars", null), true, true));
        ALL.put("upper", (value, given) -> Values.text(value).toUpperCase());
        ALL.put("lower", (value, given) -> Values.text(value).toLowerCase());
        ALL.put("title", (value, given) -> Methods.title(Values.text(value)));
        ALL.put("capitalize", (value, given) -> Methods.capitalize(Values.text(value)));
        ALL.put("string", (value, given) -> Values.text(value));
        ALL.put("safe", (value, given) -> value);
        ALL.put("replace", (value, given) -> Methods.replace(given.frame, Values.text(value),
                given.string(0, "old", ""), given.string(1, "new", ""), -1));
        ALL.put("indent", Filters::indent);
        ALL.put("join", (value, given) -> {
            Object attribute = given.get(1, "attribute", null);
            List<?> items = Values.items(value);
            return Methods.join(given.frame, attribute == null ? items : attributes(items, attribute),
                    given.string(0, "d", ""));
        });
        for (String name : List.of("escape", "e")) {
            ALL.put(name, (value, given) -> Values.text(value).replace("&", "&amp;").replace("<", "&lt;")
                    .replace(">", "&gt;").replace("'", "&#39;").replace("\"", "&#34;"));
        }
    }

    private static void numbers() {
        ALL.put("length", (value, given) -> Values.length(value));
        ALL.put("count", ALL.get("length"));
        ALL.put("int", (value, given) -> {
            try {
                return value instanceof String s ? (Object) (long) Double.parseDouble(s.strip())
                        : Values.isNumber(value) ? (Object) (long) Values.real(value) : given.get(0, "default", 0L);
            } catch (NumberFormatException e) {
                return given.get(0, "default", 0L);
            }
        });
        ALL.put("float", (value, given) -> {
            try {
                return value instanceof String s ? (Object) Double.parseDouble(s.strip())
                        : Values.isNumber(value) ? (Object) Values.real(value) : given.get(0, "default", 0d);
            } catch (NumberFormatException e) {
                return given.get(0, "default", 0d);
            }
        });
        ALL.put("abs", (value, given) ->
                value instanceof Double d ? (Object) Math.abs(d) : (Object) Math.abs(Values.whole(value)));
        ALL.put("round", (value, given) -> {
            double unit = Math.pow(10, Values.whole(given.get(0, "precision", 0L)));
            return Math.rint(Values.real(value) * unit) / unit;
        });
        ALL.put("sum", (value, given) -> {
            Object sum = given.get(1, "start", 0L);
            for (Object item : Values.items(value)) {
                sum = Arithmetic.ADD.apply(sum, item);
            }
            return sum;
        });
    }

    private static void lists() {
        ALL.put("list", (value, given) -> new ArrayList<Object>(Values.items(value)));
        ALL.put("first", (value, given) -> Values.entry(Values.items(value), 0L));
        ALL.put("last", (value, given) -> Values.entry(Values.items(value), -1L));
        ALL.put("reverse", (value, given) -> Values.slice(value, null, null, -1L));
        ALL.put("min", (value, given) -> extreme(value, -1));
        ALL.put("max", (value, given) -> extreme(value, 1));
        ALL.put("sort", Filters::sort);
        ALL.put("unique", (value, given) -> {
            List<Object> unique = new ArrayList<>();
            for (Object item : Values.items(value)) {
                given.frame.step(unique.size());
                if (!Values.contains(unique, item)) {
                    unique.add(item);
                }
            }
            return unique;
        });
        ALL.put("map", Filters::mapped);
        ALL.put("select", (value, given) -> chosen(value, given, false, true));
        ALL.put("reject", (value, given) -> chosen(value, given, false, false));
        ALL.put("selectattr", (value, given) -> chosen(value, given, true, true));
        ALL.put("rejectattr", (value, given) -> chosen(value, given, true, false));
    }

    private static Map<?, ?> map(Object value, Given given) {
        if (value instanceof Map<?, ?> map) {
            return map;
        }
        throw Values.misuse(given.filter + ": expected a map", value);
    }

    private static Object extreme(Object value, int sign) {
        List<?> items = Values.items(value);
        if (items.isEmpty()) {
            return new Undefined("the extreme of an empty list");
        }
        return Collections.max(items, (a, b) -> sign * Values.compare(a, b));
    }

    private static Object sort(Object value, Given given) {
        List<Object> items = new ArrayList<>(Values.items(value));
        Object attribute = given.get(2, "attribute", null);
        int sign = Values.truth(given.get(0, "reverse", false)) ? -1 : 1;
        given.frame.step(20L * items.size());
        items.sort((a, b) -> sign * Values.compare(key(a, attribute), key(b, attribute)));
        return items;
    }

    private static Object key(Object item, Object attribute) {
        Object key = attribute == null ? item : attribute(item, attribute);
        return key instanceof String s ? s.toLowerCase() : key;
    }

    /** An entry of an entry …: {@code "function.name"}. */
    private static Object attribute(Object item, Object path) {
        Object value = item;
        if (path instanceof String names) {
            for (String name : names.split("\\.")) {
                value = Values.entry(value, name);
            }
            return value;
        }
        return Values.entry(value, path);
    }

    private static List<Object> attributes(List<?> items, Object path) {
        List<Object> values = new ArrayList<>();
        for (Object item : items) {
            values.add(attribute(item, path));
        }
        return values;
    }

    private static Object mapped(Object value, Given given) {
        List<?> items = Values.items(value);
        Object attribute = given.named.get("attribute");
        if (attribute != null) {
            List<Object> values = attributes(items, attribute);
            if (given.named.containsKey("default")) {
                values.replaceAll(each -> each instanceof Undefined ? given.named.get("default") : each);
            }
            return values;
        }
        String name = given.string(0, "filter", "");
        Filter filter = find(name);
        List<Object> rest = given.arguments.subList(Math.min(1, given.arguments.size()), given.arguments.size());
        List<Object> values = new ArrayList<>();
        for (Object item : items) {
            values.add(given.frame.charge(filter.apply(item, new Given(given.frame, name, rest, given.named))));
        }
        return values;
    }

    /** The items whose test gives {@code wanted}; without a test, those that are true. */
    private static Object chosen(Object value, Given given, boolean byAttribute, boolean wanted) {
        int at = byAttribute ? 1 : 0;
        String name = given.string(at, "test", null);
        Object argument = given.get(at + 1, "argument", null);
        Tests.Test test = name == null ? (item, none) -> Values.truth(item) : Tests.find(name);
        List<Object> chosen = new ArrayList<>();
        for (Object item : Values.items(value)) {
            given.frame.step();
            Object tested = byAttribute ? attribute(item, given.get(0, "attribute", "")) : item;
            if (test.holds(tested, argument) == wanted) {
                chosen.add(item);
            }
        }
        return chosen;
    }

    private static Object indent(Object value, Given given) {
        Object width = given.get(0, "width", 4L);
        String margin = width instanceof String s ? s : " ".repeat(Math.clamp(Values.whole(width), 0, 1000));
        boolean first = Values.truth(given.get(1, "first", false));
        boolean blank = Values.truth(given.get(2, "blank", false));
        StringBuilder out = new StringBuilder();
        String[] lines = Values.text(value).split("\n", -1);
        for (int i = 0; i < lines.length; i++) {
            boolean indented = i == 0 ? first : blank || !lines[i].isEmpty();
            out.append(i == 0 ? "" : "\n").append(indented ? margin : "").append(lines[i]);
            if (out.length() > Frame.MAX_LENGTH) {
                throw given.frame.problem("indent: the text is too long");
            }
        }
        return out.toString();
    }

    private static Object json(Object value, Given given) {
        Object indent = given.get(3, "indent", given.arguments.isEmpty() ? null : given.arguments.getFirst());
        String margin = indent == null ? null
                : indent instanceof String s ? s : " ".repeat(Math.clamp(Values.whole(indent), 0, 100));
        String comma = margin == null ? ", " : ",";
        String colon = ": ";
        if (given.named.get("separators") instanceof List<?> two && two.size() == 2) {
            comma = Values.text(two.getFirst());
            colon = Values.text(two.getLast());
        }
        return Json.write(value, margin, comma, colon, Values.truth(given.named.get("sort_keys")));
    }

    static Filter find(String name) {
        Filter filter = ALL.get(name);
        if (filter == null) {
            throw new TemplateException("template: there is no filter '" + name + "'");
        }
        return filter;
    }
}
