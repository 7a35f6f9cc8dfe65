package io.lanewise.template;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** The methods of Python's strings, lists and maps that templates call. */
final class Methods {
    private Methods() {}

    /** A method bound to its value, or null where there is none. */
    static Callable of(Object value, String name) {
        return switch (value) {
            case String s -> ofString(s, name);
            case List<?> list -> ofList(list, name);
            case Map<?, ?> map -> ofMap(map, name);
            case null, default -> null;
        };
    }

    private static Callable ofString(String s, String name) {
        return switch (name) {
            case "strip" -> (frame, given, named) -> strip(s, characters(given), true, true);
            case "lstrip" -> (frame, given, named) -> strip(s, characters(given), true, false);
            case "rstrip" -> (frame, given, named) -> strip(s, characters(given), false, true);
            case "split" -> (frame, given, named) -> split(s, given, named);
            case "rsplit" -> (frame, given, named) -> rsplit(s, given, named);
            case "splitlines" -> (frame, given, named) -> new ArrayList<Object>(s.lines().toList());
            case "startswith" -> (frame, given, named) -> any(given, part -> s.startsWith(part));
            case "endswith" -> (frame, given, named) -> any(given, part -> s.endsWith(part));
            case "upper" -> (frame, given, named) -> s.toUpperCase();
            case "lower" -> (frame, given, named) -> s.toLowerCase();
            case "title" -> (frame, given, named) -> title(s);
            case "capitalize" -> (frame, given, named) -> capitalize(s);
            case "replace" -> (frame, given, named) -> replace(frame, s, string(given, 0), string(given, 1),
                    given.size() > 2 ? Values.whole(given.get(2)) : -1);
            case "find" -> (frame, given, named) -> (long) s.indexOf(string(given, 0));
            case "rfind" -> (frame, given, named) -> (long) s.lastIndexOf(string(given, 0));
            case "count" -> (frame, given, named) -> (long) occurrences(s, string(given, 0));
            case "join" -> (frame, given, named) -> join(frame, Values.items(argument(given, 0)), s);
            case "isdigit" -> (frame, given, named) -> !s.isEmpty() && s.chars().allMatch(Character::isDigit);
            case "isalpha" -> (frame, given, named) -> !s.isEmpty() && s.chars().allMatch(Character::isLetter);
            case "isspace" -> (frame, given, named) -> !s.isEmpty() && s.isBlank();
            case "removeprefix" -> (frame, given, named) ->
                    s.startsWith(string(given, 0)) ? s.substring(string(given, 0).length()) : s;
            case "removesuffix" -> (frame, given, named) ->
                    s.endsWith(string(given, 0)) ? s.substring(0, s.length() - string(given, 0).length()) : s;
            default -> null;
        };
    }

    /** Those that leave the list as it is: values are never changed, as in Jinja's immutable sandbox. */
    private static Callable ofList(List<?> list, String name) {
        return switch (name) {
            case "index" -> (frame, given, named) -> {
                for (int i = 0; i < list.size(); i++) {
                    if (Values.equal(list.get(i), argument(given, 0))) {
                        return (long) i;
                    }
                }
                throw frame.problem("index: the list does not hold " + Values.repr(argument(given, 0)));
            };
            case "count" -> (frame, given, named) ->
                    list.stream().filter(item -> Values.equal(item, argument(given, 0))).count();
            default -> null;
        };
    }

    private static Callable ofMap(Map<?, ?> map, String name) {
        return switch (name) {
            case "items" -> (frame, given, named) -> items(map);
            case "keys" -> (frame, given, named) -> new ArrayList<Object>(map.keySet());
            case "values" -> (frame, given, named) -> new ArrayList<Object>(map.values());
            case "get" -> (frame, given, named) -> {
                Object key = argument(given, 0);
                return map.containsKey(key) ? map.get(key) : given.size() > 1 ? given.get(1) : named.get("default");
            };
            default -> null;
        };
    }

    /** The entries of a map as tuples of key and value. */
    static List<Object> items(Map<?, ?> map) {
        List<Object> items = new ArrayList<>();
        map.forEach((key, value) -> items.add(new Tuple(Arrays.asList(key, value))));
        return items;
    }

    private static Object argument(List<Object> given, int index) {
        if (index >= given.size()) {
            throw new TemplateException("template: a method needs " + (index + 1) + " arguments, got " + given.size());
        }
        return given.get(index);
    }

    private static String string(List<Object> given, int index) {
        if (argument(given, index) instanceof String s) {
            return s;
        }
        throw Values.misuse("expected a string", given.get(index));
    }

    private static String characters(List<Object> given) {
        return given.isEmpty() || given.getFirst() == null ? null : string(given, 0);
    }

    /** @param characters what to take away; null for whitespace */
    static String strip(String s, String characters, boolean start, boolean end) {
        int from = 0;
        int to = s.length();
        while (start && from < to && strips(s.charAt(from), characters)) {
            from++;
        }
        while (end && to > from && strips(s.charAt(to - 1), characters)) {
            to--;
        }
        return s.substring(from, to);
    }

    private static boolean strips(char c, String characters) {
        return characters == null ? Character.isWhitespace(c) || Character.isSpaceChar(c) : characters.indexOf(c) >= 0;
    }

    private static boolean any(List<Object> given, Predicate<String> test) {
        if (argument(given, 0) instanceof List<?> several) {
            return several.stream().anyMatch(part -> test.test(Values.text(part)));
        }
        return test.test(string(given, 0));
    }

    private static List<Object> split(String s, List<Object> given, Map<String, Object> named) {
        long most = limit(given, named);
        List<Object> parts = new ArrayList<>();
        if (given.isEmpty() || given.getFirst() == null) {
            String rest = strip(s, null, true, true);
            while (!rest.isEmpty()) {
                int end = 0;
                while (end < rest.length() && (parts.size() == most || !strips(rest.charAt(end), null))) {
                    end++;
                }
                parts.add(rest.substring(0, end));
                rest = strip(rest.substring(end), null, true, false);
            }
            return parts;
        }
        String separator = separator(given);
        int from = 0;
        for (int at = s.indexOf(separator); at >= 0 && parts.size() != most; at = s.indexOf(separator, from)) {
            parts.add(s.substring(from, at));
            from = at + separator.length();
        }
        parts.add(s.substring(from));
        return parts;
    }

    private static List<Object> rsplit(String s, List<Object> given, Map<String, Object> named) {
        if (given.isEmpty() || given.getFirst() == null) {
            return split(s, given, named);
        }
        long most = limit(given, named);
        String separator = separator(given);
        List<Object> parts = new ArrayList<>();
        int to = s.length();
        for (int at = s.lastIndexOf(separator); at >= 0 && parts.size() != most; at = before(s, separator, at)) {
            parts.addFirst(s.substring(at + separator.length(), to));
            to = at;
        }
        parts.addFirst(s.substring(0, to));
        return parts;
    }

    private static int before(String s, String separator, int at) {
        return at < separator.length() ? -1 : s.lastIndexOf(separator, at - separator.length());
    }

    private static long limit(List<Object> given, Map<String, Object> named) {
        Object most = given.size() > 1 ? given.get(1) : named.getOrDefault("maxsplit", -1L);
        return Values.whole(most);
    }

    private static String separator(List<Object> given) {
        String separator = string(given, 0);
        if (separator.isEmpty()) {
            throw new TemplateException("template: split: the separator is empty");
        }
        return separator;
    }

    static String title(String s) {
        StringBuilder out = new StringBuilder();
        boolean inWord = false;
        for (char c : s.toCharArray()) {
            out.append(inWord ? Character.toLowerCase(c) : Character.toUpperCase(c));
            inWord = Character.isLetter(c);
        }
        return out.toString();
    }

    static String capitalize(String s) {
        return s.isEmpty() ? s : s.substring(0, 1).toUpperCase() + s.substring(1).toLowerCase();
    }

    /** @param most replacements; below 0 for all */
    static String replace(Frame frame, String s, String old, String replacement, long most) {
        long length = s.length() + (long) (old.isEmpty() ? s.length() + 1 : occurrences(s, old))
                * Math.max(0, replacement.length() - old.length());
        if (length > Frame.MAX_LENGTH) {
            throw frame.problem("replace: the text would have more than " + Frame.MAX_LENGTH + " characters");
        }
        if (most < 0 || old.isEmpty()) {
            return s.replace(old, replacement);
        }
        StringBuilder out = new StringBuilder();
        int from = 0;
        long left = most;
        for (int at = s.indexOf(old); at >= 0 && left > 0; at = s.indexOf(old, from), left--) {
            out.append(s, from, at).append(replacement);
            from = at + old.length();
        }
        return out.append(s, from, s.length()).toString();
    }

    private static int occurrences(String s, String part) {
        if (part.isEmpty()) {
            return s.length() + 1;
        }
        int count = 0;
        for (int at = s.indexOf(part); at >= 0; at = s.indexOf(part, at + part.length())) {
            count++;
        }
        return count;
    }

    static String join(Frame frame, List<?> items, String separator) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < items.size(); i++) {
            out.append(i == 0 ? "" : separator).append(Values.text(items.get(i)));
            if (out.length() > Frame.MAX_LENGTH) {
                throw frame.problem("join: the text would have more than " + Frame.MAX_LENGTH + " characters");
            }
        }
        return out.toString();
    }
}
