package io.lanewise.template;

import java.util.ArrayList;
import java.util.List;

/** Python's operators on numbers, strings and lists. */
enum Arithmetic {
    ADD("+") {
        @Override
        Object apply(Object a, Object b) {
            if (a instanceof String x && b instanceof String y) {
                return joined(x, y);
            }
            if (a instanceof List<?> x && b instanceof List<?> y) {
                List<Object> both = new ArrayList<>(x);
                both.addAll(y);
                return both;
            }
            return whole(a, b) ? (Object) (Values.whole(a) + Values.whole(b)) : (Object) (real(a, b) + Values.real(b));
        }
    },
    SUBTRACT("-") {
        @Override
        Object apply(Object a, Object b) {
            return whole(a, b) ? (Object) (Values.whole(a) - Values.whole(b)) : (Object) (real(a, b) - Values.real(b));
        }
    },
    MULTIPLY("*") {
        @Override
        Object apply(Object a, Object b) {
            if (a instanceof String s && Values.isWhole(b)) {
                long times = Math.max(0, Values.whole(b));
                checkLength(times > Frame.MAX_LENGTH ? Long.MAX_VALUE : times * s.length());
                return s.repeat((int) times);
            }
            return whole(a, b) ? (Object) (Values.whole(a) * Values.whole(b)) : (Object) (real(a, b) * Values.real(b));
        }
    },
    DIVIDE("/") {
        @Override
        Object apply(Object a, Object b) {
            return real(a, b) / notZero(b);
        }
    },
    FLOOR_DIVIDE("//") {
        @Override
        Object apply(Object a, Object b) {
            notZero(b);
            return whole(a, b) ? (Object) Math.floorDiv(Values.whole(a), Values.whole(b))
                    : (Object) Math.floor(real(a, b) / Values.real(b));
        }
    },
    REMAINDER("%") {
        @Override
        Object apply(Object a, Object b) {
            notZero(b);
            if (whole(a, b)) {
                return Math.floorMod(Values.whole(a), Values.whole(b));
            }
            double divisor = Values.real(b);
            return real(a, b) - divisor * Math.floor(real(a, b) / divisor);
        }
    },
    POWER("**") {
        @Override
        Object apply(Object a, Object b) {
            double power = Math.pow(real(a, b), Values.real(b));
            return whole(a, b) && Values.whole(b) >= 0 && Math.abs(power) < 1L << 53 ? (Object) (long) power : (Object) power;
        }
    },
    CONCATENATE("~") {
        @Override
        Object apply(Object a, Object b) {
            return joined(Values.text(a), Values.text(b));
        }
    };

    final String sign;

    Arithmetic(String sign) {
        this.sign = sign;
    }

    abstract Object apply(Object a, Object b);

    private static boolean whole(Object a, Object b) {
        return Values.isWhole(a) && Values.isWhole(b);
    }

    /** The first operand as a floating number, once both are known to be numbers. */
    final double real(Object a, Object b) {
        if (!Values.isNumber(a) || !Values.isNumber(b)) {
            throw new TemplateException("template: " + Values.kind(a) + " " + sign + " " + Values.kind(b)
                    + " is not possible");
        }
        return Values.real(a);
    }

    private static double notZero(Object divisor) {
        double value = Values.real(divisor);
        if (value == 0) {
            throw new TemplateException("template: division by zero");
        }
        return value;
    }

    private static String joined(String a, String b) {
        checkLength((long) a.length() + b.length());
        return a.concat(b);
    }

    private static void checkLength(long length) {
        if (length > Frame.MAX_LENGTH) {
            throw new TemplateException("template: a string would have more than " + Frame.MAX_LENGTH + " characters");
        }
    }
}
