package io.lanewise.template;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a template does: print, choose, repeat, name. */
interface Statement {
    void run(Frame frame);

    /** Ends a loop, or one round of it. */
    final class LoopControl extends RuntimeException {
        private static final long serialVersionUID = 1;
        static final LoopControl BREAK = new LoopControl();
        static final LoopControl CONTINUE = new LoopControl();

        private LoopControl() {
            super(null, null, false, false);
        }
    }

    record Sequence(List<Statement> statements) implements Statement {
        @Override
        public void run(Frame frame) {
            for (Statement statement : statements) {
                statement.run(frame);
            }
        }
    }

    record Text(String text) implements Statement {
        @Override
        public void run(Frame frame) {
            frame.print(text);
        }
    }

    record Print(Expression expression, int line) implements Statement {
        @Override
        public void run(Frame frame) {
            frame.at(line);
            Object value = expression.value(frame);
            frame.charge(value);
            frame.print(Values.text(value));
        }
    }

    record If(Expression condition, Statement then, Statement otherwise, int line) implements Statement {
        @Override
        public void run(Frame frame) {
            frame.at(line);
            if (Values.truth(condition.value(frame))) {
                then.run(frame);
            } else if (otherwise != null) {
                otherwise.run(frame);
            }
        }
    }

    /** @param attribute of a namespace, or null */
    record Set(List<String> names, String attribute, Expression value, int line) implements Statement {
        @Override
        public void run(Frame frame) {
            frame.at(line);
            Object result = value.value(frame);
            if (attribute == null) {
                assign(frame, names, result);
            } else if (frame.get(names.getFirst()) instanceof Namespace space) {
                space.values().put(attribute, result);
            } else {
                frame.at(line);
                throw frame.problem("'" + names.getFirst() + "' is not a namespace, so '" + attribute
                        + "' of it cannot be set");
            }
        }
    }

    /** Gives one name a value, or several names the items of one. */
    static void assign(Frame frame, List<String> names, Object value) {
        if (names.size() == 1) {
            frame.set(names.getFirst(), value);
            return;
        }
        List<?> parts = Values.items(value);
        if (parts.size() != names.size()) {
            throw frame.problem("expected " + names.size() + " values for " + String.join(", ", names) + ", got "
                    + parts.size());
        }
        for (int i = 0; i < names.size(); i++) {
            frame.set(names.get(i), Values.normal(parts.get(i)));
        }
    }

    record SetBlock(String name, Statement body, List<FilterUse> filters) implements Statement {
        @Override
        public void run(Frame frame) {
            frame.set(name, FilterUse.apply(filters, frame, frame.capture(() -> body.run(frame))));
        }
    }

    record FilterBlock(List<FilterUse> filters, Statement body) implements Statement {
        @Override
        public void run(Frame frame) {
            frame.print(Values.text(FilterUse.apply(filters, frame, frame.capture(() -> body.run(frame)))));
        }
    }

    record FilterUse(String name, Filters.Filter filter, Expression.Arguments arguments, int line) {
        static Object apply(List<FilterUse> filters, Frame frame, Object value) {
            Object result = value;
            for (FilterUse use : filters) {
                Expression constant = new Expression.Constant(result);
                result = new Expression.Filtered(constant, use.name, use.filter, use.arguments, use.line).value(frame);
            }
            return result;
        }
    }

    /** @param condition which items the loop takes, or null for all */
    record For(List<String> names, Expression items, Expression condition, Statement body, Statement otherwise, int line)
            implements Statement {
        @Override
        public void run(Frame frame) {
            frame.at(line);
            List<?> taken = taken(frame, Values.items(items.value(frame)));
            if (taken.isEmpty() && otherwise != null) {
                otherwise.run(frame);
            }
            for (int i = 0; i < taken.size(); i++) {
                frame.at(line);
                frame.enter();
                try {
                    assign(frame, names, Values.normal(taken.get(i)));
                    frame.set("loop", loop(taken, i));
                    body.run(frame);
                } catch (LoopControl control) {
                    if (control == LoopControl.BREAK) {
                        return;
                    }
                } finally {
                    frame.exit();
                }
            }
        }

        private List<?> taken(Frame frame, List<?> all) {
            frame.charge(all);
            if (condition == null) {
                return all;
            }
            List<Object> taken = new ArrayList<>();
            frame.enter();
            for (Object item : all) {
                assign(frame, names, Values.normal(item));
                if (Values.truth(condition.value(frame))) {
                    taken.add(item);
                }
            }
            frame.exit();
            return taken;
        }

        private static Map<String, Object> loop(List<?> items, int index) {
            long size = items.size();
            Map<String, Object> loop = new HashMap<>();
            loop.put("index", index + 1L);
            loop.put("index0", (long) index);
            loop.put("revindex", size - index);
            loop.put("revindex0", size - index - 1);
            loop.put("first", index == 0);
            loop.put("last", index == size - 1);
            loop.put("length", size);
            loop.put("previtem", index > 0 ? items.get(index - 1) : new Undefined("loop.previtem"));
            loop.put("nextitem", index < size - 1 ? items.get(index + 1) : new Undefined("loop.nextitem"));
            Callable cycle = (frame, arguments, named) -> arguments.get(index % Math.max(1, arguments.size()));
            loop.put("cycle", cycle);
            return loop;
        }
    }

    record Control(LoopControl control) implements Statement {
        @Override
        public void run(Frame frame) {
            throw control;
        }
    }

    /** @param defaults of the parameters that have one, by name */
    record Macro(String name, List<String> parameters, Map<String, Expression> defaults, Statement body)
            implements Statement {
        @Override
        public void run(Frame frame) {
            Callable macro = this::call;
            frame.set(name, macro);
        }

        private Object call(Frame frame, List<Object> arguments, Map<String, Object> named) {
            if (arguments.size() > parameters.size()) {
                throw frame.problem("macro " + name + " takes " + parameters.size() + " arguments, got "
                        + arguments.size());
            }
            Map<String, Object> values = new LinkedHashMap<>();
            for (int i = 0; i < parameters.size(); i++) {
                String parameter = parameters.get(i);
                if (i < arguments.size()) {
                    values.put(parameter, arguments.get(i));
                } else if (named.containsKey(parameter)) {
                    values.put(parameter, named.get(parameter));
                } else if (defaults.containsKey(parameter)) {
                    values.put(parameter, defaults.get(parameter).value(frame));
                } else {
                    values.put(parameter, new Undefined(parameter));
                }
            }
            return frame.call(values, () -> body.run(frame));
        }
    }
}
