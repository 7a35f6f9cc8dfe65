package io.lanewise.template;

import io.lanewise.template.Statement.FilterUse;
import io.lanewise.template.Statement.LoopControl;
import io.lanewise.template.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads what stands between tags and the tags themselves. */
final class StatementParser {
    private static final int MAX_DEPTH = 100;

    private final TokenReader tokens;
    private final ExpressionParser expressions;
    private int depth;
    private int loops;

    StatementParser(List<Token> tokens) {
        this.tokens = new TokenReader(tokens);
        this.expressions = new ExpressionParser(this.tokens);
    }

    Statement template() {
        Statement body = body();
        if (!tokens.peeks(Kind.END)) {
            throw new TemplateException(tokens.line(), "unexpected '" + tokens.peek().text() + "'");
        }
        return body;
    }

    /** Statements up to a tag that none of them begins with, whose name is then the next token; or to the end. */
    private Statement body(String... ends) {
        if (++depth > MAX_DEPTH) {
            throw new TemplateException(tokens.line(), "tags are nested more than " + MAX_DEPTH + " deep");
        }
        List<Statement> statements = new ArrayList<>();
        while (!tokens.peeks(Kind.END)) {
            Token token = tokens.next();
            if (token.kind() == Kind.TEXT) {
                statements.add(new Statement.Text(token.text()));
            } else if (token.kind() == Kind.PRINT_BEGIN) {
                statements.add(new Statement.Print(expressions.expressions(), token.line()));
                tokens.expect(Kind.PRINT_END, "}}");
            } else if (List.of(ends).contains(tokens.peek().text())) {
                depth--;
                return new Statement.Sequence(statements);
            } else {
                statements.add(block());
            }
        }
        if (ends.length > 0) {
            throw new TemplateException(tokens.line(), "expected " + String.join(" or ", ends) + ", got the end");
        }
        depth--;
        return new Statement.Sequence(statements);
    }

    private Statement block() {
        Token name = tokens.expect(Kind.NAME, "a tag's name");
        int line = name.line();
        return switch (name.text()) {
            case "if" -> conditional(line);
            case "for" -> loop(line);
            case "set" -> set(line);
            case "macro" -> macro();
            case "filter" -> filter();
            case "break" -> control(LoopControl.BREAK, name);
            case "continue" -> control(LoopControl.CONTINUE, name);
            // Marks what a model is trained on; for rendering it is nothing.
            case "generation" -> {
                endTag();
                Statement body = body("endgeneration");
                tokens.next();
                yield ended(body);
            }
            default -> throw new TemplateException(line, "the tag '" + name.text() + "' is not known here");
        };
    }

    private void endTag() {
        tokens.expect(Kind.BLOCK_END, "%}");
    }

    private Statement ended(Statement statement) {
        endTag();
        return statement;
    }

    private Statement control(LoopControl control, Token name) {
        if (loops == 0) {
            throw new TemplateException(name.line(), "'" + name.text() + "' stands outside of a loop");
        }
        return ended(new Statement.Control(control));
    }

    /** Reads from the condition on: the rest of an {@code if} or {@code elif} up to its end. */
    private Statement conditional(int line) {
        List<Expression> conditions = new ArrayList<>();
        List<Statement> bodies = new ArrayList<>();
        Statement otherwise = null;
        conditions.add(expressions.expression());
        endTag();
        bodies.add(body("elif", "else", "endif"));
        while (!tokens.takeName("endif")) {
            if (tokens.takeName("elif")) {
                conditions.add(expressions.expression());
                endTag();
                bodies.add(body("elif", "else", "endif"));
            } else {
                tokens.next();
                endTag();
                otherwise = body("endif");
            }
        }
        endTag();
        for (int i = conditions.size() - 1; i >= 0; i--) {
            otherwise = new Statement.If(conditions.get(i), bodies.get(i), otherwise, line);
        }
        return otherwise;
    }

    private Statement loop(int line) {
        List<String> names = names();
        if (!tokens.takeName("in")) {
            throw tokens.unexpected("'in'");
        }
        Expression items = expressions.or();
        Expression condition = tokens.takeName("if") ? expressions.expression() : null;
        if (tokens.peeksName("recursive")) {
            throw new TemplateException(line, "recursive loops are not supported");
        }
        endTag();
        loops++;
        Statement body = body("else", "endfor");
        loops--;
        Statement otherwise = null;
        if (tokens.takeName("else")) {
            endTag();
            otherwise = body("endfor");
        }
        tokens.next();
        return ended(new Statement.For(names, items, condition, body, otherwise, line));
    }

    private List<String> names() {
        List<String> names = new ArrayList<>();
        boolean parenthesis = tokens.takeOperator("(");
        do {
            names.add(tokens.expectName());
        } while (tokens.takeOperator(","));
        if (parenthesis) {
            tokens.expectOperator(")");
        }
        return names;
    }

    private Statement set(int line) {
        List<String> names = names();
        String attribute = tokens.takeOperator(".") ? tokens.expectName() : null;
        if (tokens.takeOperator("=")) {
            return ended(new Statement.Set(names, attribute, expressions.expressions(), line));
        }
        List<FilterUse> filters = new ArrayList<>();
        while (tokens.takeOperator("|")) {
            filters.add(expressions.filter());
        }
        endTag();
        Statement body = body("endset");
        tokens.next();
        if (attribute != null || names.size() > 1) {
            throw new TemplateException(line, "a set without '=' gives one name its body");
        }
        return ended(new Statement.SetBlock(names.getFirst(), body, filters));
    }

    private Statement filter() {
        List<FilterUse> filters = new ArrayList<>();
        do {
            filters.add(expressions.filter());
        } while (tokens.takeOperator("|"));
        endTag();
        Statement body = body("endfilter");
        tokens.next();
        return ended(new Statement.FilterBlock(filters, body));
    }

    private Statement macro() {
        String name = tokens.expectName();
        List<String> parameters = new ArrayList<>();
        Map<String, Expression> defaults = new LinkedHashMap<>();
        tokens.expectOperator("(");
        while (!tokens.takeOperator(")")) {
            String parameter = tokens.expectName();
            parameters.add(parameter);
            if (tokens.takeOperator("=")) {
                defaults.put(parameter, expressions.expression());
            }
            if (!tokens.peeksOperator(")")) {
                tokens.expectOperator(",");
            }
        }
        endTag();
        int outerLoops = loops;
        loops = 0;
        Statement body = body("endmacro");
        loops = outerLoops;
        tokens.next();
        return ended(new Statement.Macro(name, parameters, defaults, body));
    }
}
