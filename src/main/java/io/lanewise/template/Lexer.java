package io.lanewise.template;

import io.lanewise.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/** Parts a template in tokens and takes away the whitespace around tags that Jinja's options take away. */
final class Lexer {
    private static final String[] OPERATORS = {"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=",
        "(", ")", "[", "]", "{", "}", ",", ":", ".", "|"};

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;

    Lexer(String source) {
        String unix = source.replace("\r\n", "\n").replace('\r', '\n');
        this.source = unix.endsWith("\n") ? unix.substring(0, unix.length() - 1) : unix;
    }

    List<Token> tokens() {
        boolean trimmed = false;
        while (at < source.length()) {
            int tag = nextTag(at);
            addText(tag, trimmed);
            if (tag == source.length()) {
                break;
            }
            trimmed = switch (source.charAt(tag + 1)) {
                case '#' -> comment();
                case '%' -> isRaw() ? raw() : tag(Kind.BLOCK_BEGIN, Kind.BLOCK_END, "%}");
                default -> tag(Kind.PRINT_BEGIN, Kind.PRINT_END, "}}");
            };
        }
        tokens.add(new Token(Kind.END, "", line));
        return tokens;
    }

    private int nextTag(int from) {
        for (int brace = source.indexOf('{', from); brace >= 0; brace = source.indexOf('{', brace + 1)) {
            if (brace + 1 < source.length() && "{%#".indexOf(source.charAt(brace + 1)) >= 0) {
                return brace;
            }
        }
        return source.length();
    }

    /** Adds the text up to a tag, without the whitespace that the tags on both sides take. */
    private void addText(int tag, boolean trimStart) {
        int from = at;
        int to = tag;
        if (trimStart) {
            while (from < to && isSpace(source.charAt(from))) {
                from++;
            }
        }
        if (tag < source.length()) {
            to = endBefore(tag, from);
        }
        if (from < to) {
            tokens.add(new Token(Kind.TEXT, source.substring(from, to), line));
        }
        advance(tag);
    }

    private int endBefore(int tag, int from) {
        char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
        int to = tag;
        if (sign == '-') {
            while (to > from && isSpace(source.charAt(to - 1))) {
                to--;
            }
        } else if (sign != '+' && source.charAt(tag + 1) != '{') {
            // lstrip_blocks: a tag alone on its line so far takes the blanks before it.
            while (to > from && isBlank(source.charAt(to - 1))) {
                to--;
            }
            boolean lineStart = to == 0 || source.charAt(to - 1) == '\n';
            if (!lineStart) {
                to = tag;
            }
        }
        return to;
    }

    private static boolean isBlank(char c) {
        return c == ' ' || c == '\t';
    }

    private static boolean isSpace(char c) {
        return isBlank(c) || c == '\n' || c == '\f' || c == 0x0B;
    }

    private void advance(int to) {
        for (; at < to; at++) {
            if (source.charAt(at) == '\n') {
                line++;
            }
        }
    }

    /** Skips a comment; whether the text after it loses its leading whitespace. */
    private boolean comment() {
        int end = source.indexOf("#}", at + 2);
        if (end < 0) {
            throw new TemplateException(line, "a comment does not end with #}");
        }
        boolean minus = source.charAt(end - 1) == '-';
        advance(end + 2);
        return minus || dropNewline();
    }

    /** trim_blocks: the newline after a block or comment goes. */
    private boolean dropNewline() {
        if (at < source.length() && source.charAt(at) == '\n') {
            advance(at + 1);
        }
        return false;
    }

    private boolean isRaw() {
        return rawTag("raw", at) > 0;
    }

    /** The end of a tag with one word in it, or -1 where there is another. */
    private int rawTag(String word, int from) {
        int i = from + 2;
        if (i < source.length() && (source.charAt(i) == '-' || source.charAt(i) == '+')) {
            i++;
        }
        i = skipSpace(i);
        if (!source.startsWith(word, i)) {
            return -1;
        }
        i = skipSpace(i + word.length());
        if (source.startsWith("-%}", i)) {
            return i + 3;
        }
        return source.startsWith("%}", i) ? i + 2 : -1;
    }

    private int skipSpace(int from) {
        int i = from;
        while (i < source.length() && isSpace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    private boolean raw() {
        int from = rawTag("raw", at);
        for (int end = source.indexOf("{%", from); end >= 0; end = source.indexOf("{%", end + 2)) {
            int after = rawTag("endraw", end);
            if (after > 0) {
                int first = source.charAt(from - 3) == '-' ? skipSpace(from) : from;
                int last = Math.max(first, endBefore(end, first));
                tokens.add(new Token(Kind.TEXT, source.substring(first, last), line));
                boolean minus = source.charAt(after - 3) == '-';
                advance(after);
                return minus || dropNewline();
            }
        }
        throw new TemplateException(line, "raw does not end with endraw");
    }

    /** Reads a tag from its opening brace on; whether the text after it loses its leading whitespace. */
    private boolean tag(Kind begin, Kind end, String closing) {
        tokens.add(new Token(begin, source.substring(at, at + 2), line));
        advance(at + 2);
        if (at < source.length() && (source.charAt(at) == '-' || source.charAt(at) == '+')) {
            at++;
        }
        int depth = 0;
        while (true) {
            advance(skipSpace(at));
            if (at >= source.length()) {
                throw new TemplateException(line, "a tag does not end with " + closing);
            }
            if (depth == 0 && source.startsWith("-" + closing, at)) {
                tokens.add(new Token(end, closing, line));
                advance(at + 3);
                return true;
            }
            if (depth == 0 && source.startsWith(closing, at)) {
                tokens.add(new Token(end, closing, line));
                advance(at + 2);
                return end == Kind.BLOCK_END && dropNewline();
            }
            depth += expressionToken();
        }
    }

    /** Adds one token of an expression; by how much it changes the depth of brackets. */
    private int expressionToken() {
        char c = source.charAt(at);
        if (Character.isLetter(c) || c == '_') {
            int from = at;
            while (at < source.length() && (Character.isLetterOrDigit(source.charAt(at)) || source.charAt(at) == '_')) {
                at++;
            }
            tokens.add(new Token(Kind.NAME, source.substring(from, at), line));
        } else if (c >= '0' && c <= '9') {
            number();
        } else if (c == '\'' || c == '"') {
            string(c);
        } else {
            return operator();
        }
        return 0;
    }

    private int operator() {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, at)) {
                tokens.add(new Token(Kind.OPERATOR, operator, line));
                at += operator.length();
                return "([{".contains(operator) ? 1 : ")]}".contains(operator) ? -1 : 0;
            }
        }
        throw new TemplateException(line, "unexpected character '" + source.charAt(at) + "'");
    }

    private void number() {
        int from = at;
        digits();
        Kind kind = Kind.INTEGER;
        if (at + 1 < source.length() && source.charAt(at) == '.' && Character.isDigit(source.charAt(at + 1))) {
            kind = Kind.FLOAT;
            at++;
            digits();
        }
        if (at < source.length() && (source.charAt(at) | 0x20) == 'e') {
            int exponent = at + 1;
            if (exponent < source.length() && "+-".indexOf(source.charAt(exponent)) >= 0) {
                exponent++;
            }
            if (exponent < source.length() && Character.isDigit(source.charAt(exponent))) {
                kind = Kind.FLOAT;
                at = exponent;
                digits();
            }
        }
        tokens.add(new Token(kind, source.substring(from, at).replace("_", ""), line));
    }

    private void digits() {
        while (at < source.length() && (source.charAt(at) >= '0' && source.charAt(at) <= '9' || source.charAt(at) == '_')) {
            at++;
        }
    }

    private void string(char quote) {
        StringBuilder value = new StringBuilder();
        int start = line;
        for (at++; at < source.length() && source.charAt(at) != quote; at++) {
            char c = source.charAt(at);
            if (c == '\n') {
                line++;
            }
            if (c == '\\' && at + 1 < source.length()) {
                at++;
                escape(value);
            } else {
                value.append(c);
            }
        }
        if (at == source.length()) {
            throw new TemplateException(start, "a string does not end with " + quote);
        }
        at++;
        tokens.add(new Token(Kind.STRING, value.toString(), start));
    }

    private void escape(StringBuilder value) {
        char c = source.charAt(at);
        switch (c) {
            case 'n' -> value.append('\n');
            case 't' -> value.append('\t');
            case 'r' -> value.append('\r');
            case 'b' -> value.append('\b');
            case 'f' -> value.append('\f');
            case '\n' -> line++;
            case '\\', '\'', '"' -> value.append(c);
            case 'x' -> codePoint(value, 2);
            case 'u' -> codePoint(value, 4);
            case 'U' -> codePoint(value, 8);
            default -> value.append('\\').append(c);
        }
    }

    private void codePoint(StringBuilder value, int digits) {
        try {
            int code = Integer.parseInt(source, at + 1, at + 1 + digits, 16);
            value.appendCodePoint(code);
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw new TemplateException(line, "expected " + digits + " hexadecimal digits after \\"
                    + source.charAt(at));
        }
        at += digits;
    }
}
