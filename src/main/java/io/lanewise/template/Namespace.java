package io.lanewise.template;

import java.util.HashMap;
import java.util.Map;

/** Jinja's {@code namespace()}: what loops may change and the rest of the template still sees. */
record Namespace(Map<String, Object> values) {
    Namespace() {
        this(new HashMap<>());
    }
}
