package io.lanewise.template;

import java.util.List;
import java.util.Map;

/** A function, macro or method that a template may call. */
@FunctionalInterface
interface Callable {
    Object call(Frame frame, List<Object> arguments, Map<String, Object> named);
}
