package io.lanewise.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What gives a value. */
interface Expression {
    Object value(Frame frame);

    record Constant(Object constant) implements Expression {
        @Override
        public Object value(Frame frame) {
            return constant;
        }
    }

    record Name(String name) implements Expression {
        @Override
        public Object value(Frame frame) {
            frame.step();
            return Values.normal(frame.get(name));
        }
    }

    record ListOf(List<Expression> items) implements Expression {
        @Override
        public Object value(Frame frame) {
            List<Object> values = new ArrayList<>();
            for (Expression item : items) {
                values.add(item.value(frame));
            }
            return frame.charge(values);
        }
    }

    record TupleOf(List<Expression> items) implements Expression {
        @Override
        public Object value(Frame frame) {
            return new Tuple((List<?>) new ListOf(items).value(frame));
        }
    }

    record MapOf(List<Expression> keys, List<Expression> values) implements Expression {
        @Override
        public Object value(Frame frame) {
            Map<Object, Object> map = new LinkedHashMap<>();
            for (int i = 0; i < keys.size(); i++) {
                map.put(keys.get(i).value(frame), values.get(i).value(frame));
            }
            return frame.charge(map);
        }
    }

    record Or(Expression left, Expression right) implements Expression {
        @Override
        public Object value(Frame frame) {
            Object value = left.value(frame);
            return Values.truth(value) ? value : right.value(frame);
        }
    }

    record And(Expression left, Expression right) implements Expression {
        @Override
        public Object value(Frame frame) {
            Object value = left.value(frame);
            return Values.truth(value) ? right.value(frame) : value;
        }
    }

    record Not(Expression operand) implements Expression {
        @Override
        public Object value(Frame frame) {
            return !Values.truth(operand.value(frame));
        }
    }

    record Negate(Expression operand) implements Expression {
        @Override
        public Object value(Frame frame) {
            return Arithmetic.SUBTRACT.apply(0L, operand.value(frame));
        }
    }

    /** {@code a < b <= c}: every operator between its two neighbours. */
    record Comparison(Expression first, List<String> operators, List<Expression> others) implements Expression {
        @Override
        public Object value(Frame frame) {
            Object left = first.value(frame);
            for (int i = 0; i < operators.size(); i++) {
                Object right = others.get(i).value(frame);
                if (!holds(left, operators.get(i), right)) {
                    return false;
                }
                left = right;
            }
            return true;
        }

        private static boolean holds(Object left, String operator, Object right) {
            return switch (operator) {
                case "==" -> Values.equal(left, right);
                case "!=" -> !Values.equal(left, right);
                case "in" -> Values.contains(right, left);
                case "not in" -> !Values.contains(right, left);
                case "<" -> Values.compare(left, right) < 0;
                case "<=" -> Values.compare(left, right) <= 0;
                case ">" -> Values.compare(left, right) > 0;
                default -> Values.compare(left, right) >= 0;
            };
        }
    }

    record Binary(Expression left, Arithmetic operator, Expression right, int line) implements Expression {
        @Override
        public Object value(Frame frame) {
            frame.at(line);
            return frame.charge(operator.apply(left.value(frame), right.value(frame)));
        }
    }

    record Conditional(Expression condition, Expression then, Expression otherwise) implements Expression {
        @Override
        public Object value(Frame frame) {
            if (Values.truth(condition.value(frame))) {
                return then.value(frame);
            }
            return otherwise == null ? new Undefined("the value of an if without else") : otherwise.value(frame);
        }
    }

    /** {@code value.name}: an entry, or else a method. */
    record Attribute(Expression of, String name, int line) implements Expression {
        @Override
        public Object value(Frame frame) {
            frame.at(line);
            Object value = of.value(frame);
            Object entry = Values.entry(value, name);
            if (entry instanceof Undefined) {
                Callable method = Methods.of(value, name);
                return method == null ? entry : method;
            }
            return entry;
        }
    }

    record Subscript(Expression of, Expression key, int line) implements Expression {
        @Override
        public Object value(Frame frame) {
            frame.at(line);
            return Values.entry(frame.charge(of.value(frame)), key.value(frame));
        }
    }

    /** Bounds that are left out are null. */
    record Slice(Expression of, Expression start, Expression stop, Expression step, int line) implements Expression {
        @Override
        public Object value(Frame frame) {
            frame.at(line);
            return frame.charge(Values.slice(frame.charge(of.value(frame)), bound(start, frame), bound(stop, frame),
                    bound(step, frame)));
        }

        private static Object bound(Expression expression, Frame frame) {
            return expression == null ? null : expression.value(frame);
        }
    }

    record Arguments(List<Expression> positional, Map<String, Expression> named) {
        static final Arguments NONE = new Arguments(List.of(), Map.of());

        List<Object> values(Frame frame) {
            List<Object> values = new ArrayList<>();
            for (Expression argument : positional) {
                values.add(argument.value(frame));
            }
            return values;
        }

        Map<String, Object> namedValues(Frame frame) {
            Map<String, Object> values = new LinkedHashMap<>();
            named.forEach((name, argument) -> values.put(name, argument.value(frame)));
            return values;
        }
    }

    record Call(Expression function, Arguments arguments, int line) implements Expression {
        @Override
        public Object value(Frame frame) {
            frame.at(line);
            Object target = function.value(frame);
            if (!(target instanceof Callable callable)) {
                throw frame.problem(Values.kind(target) + " cannot be called");
            }
            List<Object> positional = arguments.values(frame);
            Map<String, Object> named = arguments.namedValues(frame);
            frame.at(line);
            return frame.charge(Values.normal(callable.call(frame, positional, named)));
        }
    }

    record Filtered(Expression operand, String name, Filters.Filter filter, Arguments arguments, int line)
            implements Expression {
        @Override
        public Object value(Frame frame) {
            Object value = operand.value(frame);
            Filters.Given given = new Filters.Given(frame, name, arguments.values(frame), arguments.namedValues(frame));
            frame.at(line);
            frame.charge(value);
            return frame.charge(filter.apply(value, given));
        }
    }

    record Tested(Expression operand, Tests.Test test, List<Expression> arguments, boolean negated, int line)
            implements Expression {
        @Override
        public Object value(Frame frame) {
            Object value = operand.value(frame);
            Object argument = arguments.isEmpty() ? null : arguments.getFirst().value(frame);
            frame.at(line);
            return test.holds(value, argument) != negated;
        }
    }
}
