package io.lanewise.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Python's {@code json.dumps} with {@code ensure_ascii=False}, as transformers' {@code tojson} filter writes values. */
final class Json {
    private static final int MAX_DEPTH = 100;

    private final StringBuilder out = new StringBuilder();
    private final String indent;
    private final String comma;
    private final String colon;
    private final boolean sorted;

    private Json(String indent, String comma, String colon, boolean sorted) {
        this.indent = indent;
        this.comma = comma;
        this.colon = colon;
        this.sorted = sorted;
    }

    /** @param indent what each level starts its lines with; null for one line */
    static String write(Object value, String indent, String comma, String colon, boolean sorted) {
        Json json = new Json(indent, comma, colon, sorted);
        json.write(value, 0);
        return json.out.toString();
    }

    private void write(Object value, int depth) {
        if (depth > MAX_DEPTH || out.length() > Frame.MAX_LENGTH) {
            throw new TemplateException("template: tojson: the value is nested too deep or too long");
        }
        switch (Values.normal(value)) {
            case null -> out.append("null");
            case Boolean b -> out.append(b);
            case Long n -> out.append(n);
            case Double d -> out.append(Values.number(d));
            case String s -> quote(s);
            case List<?> list -> list(list, depth);
            case Map<?, ?> map -> map(map, depth);
            default -> throw Values.misuse("tojson: expected plain values", value);
        }
    }

    private void list(List<?> list, int depth) {
        if (list.isEmpty()) {
            out.append("[]");
            return;
        }
        out.append('[');
        for (int i = 0; i < list.size(); i++) {
            separate(i, depth + 1);
            write(list.get(i), depth + 1);
        }
        newLine(depth);
        out.append(']');
    }

    private void map(Map<?, ?> map, int depth) {
        if (map.isEmpty()) {
            out.append("{}");
            return;
        }
        List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
        if (sorted) {
            entries.sort((a, b) -> Values.compare(a.getKey(), b.getKey()));
        }
        out.append('{');
        for (int i = 0; i < entries.size(); i++) {
            separate(i, depth + 1);
            quote(Values.text(entries.get(i).getKey()));
            out.append(colon);
            write(entries.get(i).getValue(), depth + 1);
        }
        newLine(depth);
        out.append('}');
    }

    private void separate(int index, int depth) {
        if (index > 0) {
            out.append(comma);
        }
        newLine(depth);
    }

    private void newLine(int depth) {
        if (indent != null) {
            out.append('\n').repeat(indent, depth);
        }
    }

    private void quote(String s) {
        out.append('"');
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < ' ') {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
