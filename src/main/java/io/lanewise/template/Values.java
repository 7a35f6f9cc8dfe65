package io.lanewise.template;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Python's rules for values: truth, spelling, equality, order, arithmetic, indexing. */
final class Values {
    private Values() {}

    static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Boolean b -> b;
            case Long n -> n != 0;
            case Double d -> d != 0;
            case String s -> !s.isEmpty();
            case List<?> list -> !list.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            case Undefined u -> false;
            default -> true;
        };
    }

    /** Numbers as the engine keeps them: Long and Double. */
    static Object normal(Object value) {
        return switch (value) {
            case Integer n -> n.longValue();
            case Short n -> n.longValue();
            case Byte n -> n.longValue();
            case Float d -> d.doubleValue();
            case null, default -> value;
        };
    }

    /** Python's {@code str}. */
    static String text(Object value) {
        return value instanceof String s ? s : repr(value);
    }

    /** Python's {@code repr}. */
    static String repr(Object value) {
        StringBuilder out = new StringBuilder();
        repr(value, out);
        return out.toString();
    }

    private static void repr(Object value, StringBuilder out) {
        if (out.length() > Frame.MAX_LENGTH) {
            throw new TemplateException("template: a value is too long to print");
        }
        switch (value) {
            case null -> out.append("None");
            case Boolean b -> out.append(b ? "True" : "False");
            case Double d -> out.append(number(d));
            case String s -> quoted(s, out);
            case List<?> list -> {
                boolean tuple = list instanceof Tuple;
                out.append(tuple ? '(' : '[');
                String comma = "";
                for (Object item : list) {
                    out.append(comma);
                    repr(item, out);
                    comma = ", ";
                }
                out.append(!tuple ? "]" : list.size() == 1 ? ",)" : ")");
            }
            case Map<?, ?> map -> {
                String comma = "{";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    out.append(comma);
                    repr(entry.getKey(), out);
                    out.append(": ");
                    repr(entry.getValue(), out);
                    comma = ", ";
                }
                out.append(map.isEmpty() ? "{}" : "}");
            }
            default -> out.append(value);
        }
    }

    static String number(double d) {
        if (Double.isNaN(d)) {
            return "nan";
        }
        if (Double.isInfinite(d)) {
            return d > 0 ? "inf" : "-inf";
        }
        String shortest = Double.toString(d);
        double size = Math.abs(d);
        if (size == 0 || size >= 1e-4 && size < 1e16) {
            String plain = size == 0 ? shortest : new BigDecimal(shortest).toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }
        int e = shortest.indexOf('E');
        String digits = shortest.substring(0, e);
        int exponent = Integer.parseInt(shortest, e + 1, shortest.length(), 10);
        return (digits.endsWith(".0") ? digits.substring(0, digits.length() - 2) : digits) + (exponent < 0 ? "e-" : "e+")
                + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
    }

    private static void quoted(String s, StringBuilder out) {
        char quote = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\\' -> out.append("\\\\");
                default -> {
                    if (c == quote) {
                        out.append('\\');
                    }
                    out.append(c);
                }
            }
        }
        out.append(quote);
    }

    static boolean equal(Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            return a instanceof Double || b instanceof Double ? real(a) == real(b) : whole(a) == whole(b);
        }
        if (a instanceof Undefined && b instanceof Undefined) {
            return true;
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            if (x.size() != y.size()) {
                return false;
            }
            for (int i = 0; i < x.size(); i++) {
                if (!equal(x.get(i), y.get(i))) {
                    return false;
                }
            }
            return true;
        }
        return Objects.equals(a, b);
    }

    static boolean isNumber(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    static boolean isWhole(Object value) {
        return value instanceof Long || value instanceof Boolean;
    }

    static long whole(Object value) {
        return switch (value) {
            case Boolean b -> b ? 1 : 0;
            case Long n -> n;
            case null, default -> throw misuse("expected a whole number", value);
        };
    }

    static double real(Object value) {
        return value instanceof Double d ? d : whole(value);
    }

    static int compare(Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            return isWhole(a) && isWhole(b) ? Long.compare(whole(a), whole(b)) : Double.compare(real(a), real(b));
        }
        if (a instanceof String x && b instanceof String y) {
            return x.compareTo(y);
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
                if (!equal(x.get(i), y.get(i))) {
                    return compare(x.get(i), y.get(i));
                }
            }
            return Integer.compare(x.size(), y.size());
        }
        throw new TemplateException("template: " + kind(a) + " and " + kind(b) + " have no order");
    }

    static boolean contains(Object container, Object item) {
        return switch (container) {
            case String s when item instanceof String part -> s.contains(part);
            case List<?> list -> list.stream().anyMatch(each -> equal(each, item));
            case Map<?, ?> map -> map.containsKey(item);
            case Undefined u -> false;
            case null, default -> throw misuse("'in' needs a string, a list or a map on its right", container);
        };
    }

    /** What a loop goes through. */
    static List<?> items(Object value) {
        return switch (value) {
            case List<?> list -> list;
            case Map<?, ?> map -> new ArrayList<>(map.keySet());
            case String s -> s.codePoints().mapToObj(Character::toString).toList();
            case Undefined u -> List.of();
            case null, default -> throw misuse("expected a list, a map or a string", value);
        };
    }

    static long length(Object value) {
        return switch (value) {
            case String s -> s.codePointCount(0, s.length());
            case List<?> list -> list.size();
            case Map<?, ?> map -> map.size();
            case Undefined u -> 0;
            case null, default -> throw misuse("length: expected a list, a map or a string", value);
        };
    }

    /** {@code value.name} or {@code value[name]} where that is an entry; undefined where it is none. */
    static Object entry(Object value, Object key) {
        return switch (value) {
            case Map<?, ?> map -> map.containsKey(key) ? normal(map.get(key)) : new Undefined(text(key));
            case Namespace space -> space.values().getOrDefault(text(key), new Undefined(text(key)));
            case List<?> list when isWhole(key) -> item(list, whole(key));
            case String s when isWhole(key) -> {
                Object found = item(items(s), whole(key));
                yield found;
            }
            case Undefined u -> throw new TemplateException("template: '" + u.name() + "' is undefined and has no '"
                    + text(key) + "'");
            case null, default -> new Undefined(text(key));
        };
    }

    private static Object item(List<?> list, long index) {
        long at = index < 0 ? index + list.size() : index;
        return at >= 0 && at < list.size() ? normal(list.get((int) at)) : new Undefined("item " + index);
    }

    /** {@code value[start:stop:step]}; null stands for a bound that is left out. */
    static Object slice(Object value, Object start, Object stop, Object step) {
        if (value instanceof String s) {
            StringBuilder out = new StringBuilder();
            slice(items(s), start, stop, step).forEach(out::append);
            return out.toString();
        }
        if (value instanceof List<?> || value instanceof Undefined) {
            return slice(items(value), start, stop, step);
        }
        throw misuse("only strings and lists have slices", value);
    }

    private static List<Object> slice(List<?> list, Object start, Object stop, Object step) {
        long by = step == null ? 1 : whole(step);
        if (by == 0) {
            throw new TemplateException("template: the step of a slice is 0");
        }
        int size = list.size();
        long first = bound(start, by > 0 ? 0 : size - 1, size, by);
        long last = bound(stop, by > 0 ? size : -1, size, by);
        List<Object> out = new ArrayList<>();
        for (long i = first; by > 0 ? i < last : i > last; i += by) {
            out.add(list.get((int) i));
            if (by > size || by < -size) {
                break;
            }
        }
        return out;
    }

    private static long bound(Object given, long otherwise, int size, long by) {
        if (given == null) {
            return otherwise;
        }
        long at = whole(given);
        at = at < 0 ? at + size : at;
        return by > 0 ? Math.clamp(at, 0, size) : Math.clamp(at, -1, size - 1);
    }

    static TemplateException misuse(String expected, Object value) {
        return new TemplateException("template: " + expected + ", got " + kind(value));
    }

    /** What a value is, for messages. */
    static String kind(Object value) {
        return switch (value) {
            case null -> "none";
            case Boolean b -> "a boolean";
            case Long n -> "a whole number";
            case Double d -> "a number";
            case String s -> "a string";
            case List<?> list -> "a list";
            case Map<?, ?> map -> "a map";
            case Namespace space -> "a namespace";
            case Undefined u -> "'" + u.name() + "', which is undefined";
            default -> "a function";
        };
    }
}
