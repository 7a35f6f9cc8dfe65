package io.lanewise.template;

import io.lanewise.template.Expression.Arguments;
import io.lanewise.template.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads expressions, loosest operator first: {@code if else}, {@code or}, {@code and}, {@code not}, comparison,
 * {@code + -}, {@code ~}, {@code * / // %}, {@code **}, filters and tests, sign, then {@code . [] ()}, as Jinja binds
 * them: {@code -2 ** 2} is 4.
 */
final class ExpressionParser {
    private static final int MAX_DEPTH = 200;

    private final TokenReader tokens;
    private int depth;

    ExpressionParser(TokenReader tokens) {
        this.tokens = tokens;
    }

    /** One expression, or several with commas between them as a list. */
    Expression expressions() {
        Expression first = expression();
        if (!tokens.peeksOperator(",")) {
            return first;
        }
        List<Expression> items = new ArrayList<>(List.of(first));
        while (tokens.takeOperator(",") && !tokens.peeks(Kind.BLOCK_END) && !tokens.peeks(Kind.PRINT_END)) {
            items.add(expression());
        }
        return new Expression.TupleOf(items);
    }

    Expression expression() {
        deeper();
        Expression value = or();
        while (tokens.takeName("if")) {
            Expression condition = or();
            Expression otherwise = tokens.takeName("else") ? expression() : null;
            value = new Expression.Conditional(condition, value, otherwise);
        }
        depth--;
        return value;
    }

    private void deeper() {
        if (++depth > MAX_DEPTH) {
            throw new TemplateException(tokens.line(), "expressions are nested more than " + MAX_DEPTH + " deep");
        }
    }

    /** An expression without {@code if}, as a loop's items are: what follows may be its condition. */
    Expression or() {
        Expression left = and();
        while (tokens.takeName("or")) {
            left = new Expression.Or(left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (tokens.takeName("and")) {
            left = new Expression.And(left, not());
        }
        return left;
    }

    private Expression not() {
        if (tokens.takeName("not")) {
            deeper();
            Expression operand = new Expression.Not(not());
            depth--;
            return operand;
        }
        return comparison();
    }

    private Expression comparison() {
        Expression first = sum();
        List<String> operators = new ArrayList<>();
        List<Expression> others = new ArrayList<>();
        for (String operator = comparator(); operator != null; operator = comparator()) {
            operators.add(operator);
            others.add(sum());
        }
        return operators.isEmpty() ? first : new Expression.Comparison(first, operators, others);
    }

    private String comparator() {
        for (String operator : List.of("==", "!=", "<=", ">=", "<", ">")) {
            if (tokens.takeOperator(operator)) {
                return operator;
            }
        }
        if (tokens.takeName("in")) {
            return "in";
        }
        if (tokens.peeksName("not") && tokens.peekSecond().is(Kind.NAME, "in")) {
            tokens.next();
            tokens.next();
            return "not in";
        }
        return null;
    }

    private Expression sum() {
        Expression left = concatenation();
        while (tokens.peeksOperator("+") || tokens.peeksOperator("-")) {
            int line = tokens.line();
            Arithmetic operator = tokens.next().text().equals("+") ? Arithmetic.ADD : Arithmetic.SUBTRACT;
            left = new Expression.Binary(left, operator, concatenation(), line);
        }
        return left;
    }

    private Expression concatenation() {
        Expression left = product();
        while (tokens.peeksOperator("~")) {
            int line = tokens.next().line();
            left = new Expression.Binary(left, Arithmetic.CONCATENATE, product(), line);
        }
        return left;
    }

    private Expression product() {
        Expression left = power();
        for (Arithmetic operator = productOperator(); operator != null; operator = productOperator()) {
            int line = tokens.next().line();
            left = new Expression.Binary(left, operator, power(), line);
        }
        return left;
    }

    private Arithmetic productOperator() {
        for (Arithmetic operator : List.of(Arithmetic.MULTIPLY, Arithmetic.DIVIDE, Arithmetic.FLOOR_DIVIDE,
                Arithmetic.REMAINDER)) {
            if (tokens.peeksOperator(operator.sign)) {
                return operator;
            }
        }
        return null;
    }

    private Expression power() {
        Expression left = filtersAndTests(signed());
        while (tokens.peeksOperator("**")) {
            int line = tokens.next().line();
            left = new Expression.Binary(left, Arithmetic.POWER, filtersAndTests(signed()), line);
        }
        return left;
    }

    private Expression signed() {
        if (!tokens.peeksOperator("-") && !tokens.peeksOperator("+")) {
            return postfix(primary());
        }
        boolean minus = tokens.next().text().equals("-");
        deeper();
        Expression operand = signed();
        depth--;
        return minus ? new Expression.Negate(operand) : operand;
    }

    private Expression primary() {
        Token token = tokens.next();
        return switch (token.kind()) {
            case NAME -> name(token);
            case INTEGER -> new Expression.Constant(whole(token));
            case FLOAT -> new Expression.Constant(Double.parseDouble(token.text()));
            case STRING -> {
                StringBuilder text = new StringBuilder(token.text());
                while (tokens.peeks(Kind.STRING)) {
                    text.append(tokens.next().text());
                }
                yield new Expression.Constant(text.toString());
            }
            case OPERATOR -> switch (token.text()) {
                case "(" -> parenthesised();
                case "[" -> new Expression.ListOf(items("]"));
                case "{" -> map();
                default -> throw new TemplateException(token.line(), "expected a value, got " + token);
            };
            default -> throw new TemplateException(token.line(), "expected a value, got " + token);
        };
    }

    private static Object whole(Token token) {
        try {
            return Long.parseLong(token.text());
        } catch (NumberFormatException e) {
            throw new TemplateException(token.line(), "the number " + token.text() + " is too large");
        }
    }

    private static Expression name(Token token) {
        return switch (token.text()) {
            case "true", "True" -> new Expression.Constant(true);
            case "false", "False" -> new Expression.Constant(false);
            case "none", "None" -> new Expression.Constant(null);
            default -> new Expression.Name(token.text());
        };
    }

    private Expression parenthesised() {
        if (tokens.takeOperator(")")) {
            return new Expression.TupleOf(List.of());
        }
        Expression first = expression();
        if (tokens.takeOperator(")")) {
            return first;
        }
        tokens.expectOperator(",");
        List<Expression> items = new ArrayList<>(List.of(first));
        items.addAll(items(")"));
        return new Expression.TupleOf(items);
    }

    private List<Expression> items(String end) {
        List<Expression> items = new ArrayList<>();
        while (!tokens.takeOperator(end)) {
            items.add(expression());
            if (!tokens.peeksOperator(end)) {
                tokens.expectOperator(",");
            }
        }
        return items;
    }

    private Expression map() {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.takeOperator("}")) {
            keys.add(expression());
            tokens.expectOperator(":");
            values.add(expression());
            if (!tokens.peeksOperator("}")) {
                tokens.expectOperator(",");
            }
        }
        return new Expression.MapOf(keys, values);
    }

    private Expression postfix(Expression of) {
        Expression value = of;
        int links = 0;
        while (true) {
            int line = tokens.line();
            if (tokens.takeOperator(".")) {
                value = tokens.peeks(Kind.INTEGER)
                        ? new Expression.Subscript(value, new Expression.Constant(whole(tokens.next())), line)
                        : new Expression.Attribute(value, tokens.expectName(), line);
            } else if (tokens.takeOperator("[")) {
                value = subscript(value, line);
            } else if (tokens.peeksOperator("(")) {
                value = new Expression.Call(value, arguments(), line);
            } else {
                return value;
            }
            checkChain(++links);
        }
    }

    private void checkChain(int links) {
        if (links > MAX_DEPTH) {
            throw new TemplateException(tokens.line(), "more than " + MAX_DEPTH + " calls, entries or filters in a row");
        }
    }

    private Expression subscript(Expression of, int line) {
        Expression start = tokens.peeksOperator(":") ? null : expression();
        if (tokens.takeOperator("]")) {
            return new Expression.Subscript(of, start, line);
        }
        tokens.expectOperator(":");
        Expression stop = tokens.peeksOperator(":") || tokens.peeksOperator("]") ? null : expression();
        Expression step = tokens.takeOperator(":") && !tokens.peeksOperator("]") ? expression() : null;
        tokens.expectOperator("]");
        return new Expression.Slice(of, start, stop, step, line);
    }

    private Arguments arguments() {
        tokens.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        while (!tokens.takeOperator(")")) {
            if (tokens.peeks(Kind.NAME) && tokens.peekSecond().is(Kind.OPERATOR, "=")) {
                String name = tokens.next().text();
                tokens.next();
                named.put(name, expression());
            } else {
                positional.add(expression());
            }
            if (!tokens.peeksOperator(")")) {
                tokens.expectOperator(",");
            }
        }
        return new Arguments(positional, named);
    }

    private Expression filtersAndTests(Expression of) {
        Expression value = of;
        int links = 0;
        while (true) {
            int line = tokens.line();
            if (tokens.takeOperator("|")) {
                Statement.FilterUse use = filter();
                value = new Expression.Filtered(value, use.name(), use.filter(), use.arguments(), line);
            } else if (tokens.takeName("is")) {
                value = test(value, line);
            } else if (links > 0 && tokens.peeksOperator("(")) {
                value = new Expression.Call(value, arguments(), line);
            } else {
                return value;
            }
            checkChain(++links);
        }
    }

    /** A filter's name and arguments. */
    Statement.FilterUse filter() {
        int line = tokens.line();
        String name = tokens.expectName();
        Filters.Filter filter = Filters.ALL.get(name);
        if (filter == null) {
            throw new TemplateException(line, "there is no filter '" + name + "'");
        }
        return new Statement.FilterUse(name, filter, tokens.peeksOperator("(") ? arguments() : Arguments.NONE, line);
    }

    private Expression test(Expression operand, int line) {
        boolean negated = tokens.takeName("not");
        String name = tokens.expect(Kind.NAME, "a test").text();
        Tests.Test test = Tests.ALL.get(name);
        if (test == null) {
            throw new TemplateException(line, "there is no test '" + name + "'");
        }
        List<Expression> arguments = List.of();
        if (tokens.peeksOperator("(")) {
            arguments = arguments().positional();
        } else if (startsTestArgument()) {
            arguments = List.of(postfix(primary()));
        }
        return new Expression.Tested(operand, test, arguments, negated, line);
    }

    private boolean startsTestArgument() {
        Token token = tokens.peek();
        return switch (token.kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME -> !List.of("else", "or", "and", "is", "if", "not", "in").contains(token.text());
            case OPERATOR -> token.text().equals("[") || token.text().equals("{");
            default -> false;
        };
    }
}
