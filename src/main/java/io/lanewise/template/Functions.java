package io.lanewise.template;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The functions that every template has. */
final class Functions {
    private static final int MAX_RANGE = 1_000_000;

    static final Map<String, Callable> ALL = Map.of(
            "range", (frame, arguments, named) -> range(frame, arguments),
            "namespace", (frame, arguments, named) -> namespace(arguments, named),
            "dict", (frame, arguments, named) -> dict(arguments, named),
            "joiner", (frame, arguments, named) -> joiner(arguments),
            "raise_exception", (frame, arguments, named) -> {
                throw frame.problem("the model's template refuses this conversation: "
                        + (arguments.isEmpty() ? "no reason given" : Values.text(arguments.getFirst())));
            },
            "strftime_now", (frame, arguments, named) -> now(frame, arguments));

    private Functions() {}

    private static List<Object> range(Frame frame, List<Object> arguments) {
        if (arguments.isEmpty() || arguments.size() > 3) {
            throw frame.problem("range takes one to three numbers, got " + arguments.size());
        }
        long start = arguments.size() == 1 ? 0 : Values.whole(arguments.getFirst());
        long stop = Values.whole(arguments.get(arguments.size() == 1 ? 0 : 1));
        long step = arguments.size() == 3 ? Values.whole(arguments.get(2)) : 1;
        if (step == 0) {
            throw frame.problem("the step of a range is 0");
        }
        List<Object> numbers = new ArrayList<>();
        for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
            if (numbers.size() == MAX_RANGE) {
                throw frame.problem("a range has more than " + MAX_RANGE + " numbers");
            }
            numbers.add(i);
        }
        return numbers;
    }

    private static Namespace namespace(List<Object> arguments, Map<String, Object> named) {
        Namespace space = new Namespace();
        for (Object argument : arguments) {
            if (argument instanceof Map<?, ?> map) {
                map.forEach((key, value) -> space.values().put(Values.text(key), value));
            }
        }
        space.values().putAll(named);
        return space;
    }

    private static Map<Object, Object> dict(List<Object> arguments, Map<String, Object> named) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (Object argument : arguments) {
            if (argument instanceof Map<?, ?> given) {
                map.putAll(given);
            }
        }
        map.putAll(named);
        return map;
    }

    /** Gives the empty string at its first call and the separator at every later one. */
    private static Callable joiner(List<Object> arguments) {
        String separator = arguments.isEmpty() ? ", " : Values.text(arguments.getFirst());
        boolean[] used = {false};
        return (frame, none, named) -> {
            String text = used[0] ? separator : "";
            used[0] = true;
            return text;
        };
    }

    private static String now(Frame frame, List<Object> arguments) {
        String format = arguments.isEmpty() ? "%Y-%m-%d" : Values.text(arguments.getFirst());
        LocalDateTime now = LocalDateTime.now();
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                out.append(c);
                continue;
            }
            String pattern = switch (format.charAt(++i)) {
                case 'Y' -> "uuuu";
                case 'm' -> "MM";
                case 'd' -> "dd";
                case 'H' -> "HH";
                case 'I' -> "hh";
                case 'M' -> "mm";
                case 'S' -> "ss";
                case 'p' -> "a";
                case 'y' -> "uu";
                case 'B' -> "MMMM";
                case 'b' -> "MMM";
                case 'A' -> "EEEE";
                case 'a' -> "EEE";
                case 'j' -> "DDD";
                case '%' -> "'%'";
                default -> throw frame.problem("strftime_now: %" + format.charAt(i) + " is not known");
            };
            out.append(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(now));
        }
        return out.toString();
    }
}
