package io.lanewise.template;

import io.lanewise.template.Token.Kind;
import java.util.List;

/** Goes through the tokens of a template. */
final class TokenReader {
    private final List<Token> tokens;
    private int at;

    TokenReader(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token peek() {
        return tokens.get(at);
    }

    Token peekSecond() {
        return tokens.get(Math.min(at + 1, tokens.size() - 1));
    }

    Token next() {
        Token token = tokens.get(at);
        if (token.kind() != Kind.END) {
            at++;
        }
        return token;
    }

    int line() {
        return peek().line();
    }

    boolean peeks(Kind kind) {
        return peek().kind() == kind;
    }

    boolean peeksOperator(String operator) {
        return peek().is(Kind.OPERATOR, operator);
    }

    boolean peeksName(String name) {
        return peek().is(Kind.NAME, name);
    }

    boolean takeOperator(String operator) {
        return take(Kind.OPERATOR, operator);
    }

    boolean takeName(String name) {
        return take(Kind.NAME, name);
    }

    private boolean take(Kind kind, String text) {
        boolean there = peek().is(kind, text);
        if (there) {
            at++;
        }
        return there;
    }

    void expectOperator(String operator) {
        if (!takeOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
    }

    String expectName() {
        return expect(Kind.NAME, "a name").text();
    }

    Token expect(Kind kind, String what) {
        if (!peeks(kind)) {
            throw unexpected(what);
        }
        return next();
    }

    TemplateException unexpected(String expected) {
        return new TemplateException(line(), "expected " + expected + ", got " + peek());
    }
}
