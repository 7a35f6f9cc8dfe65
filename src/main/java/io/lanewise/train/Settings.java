package io.lanewise.train;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** The settings of {@link TrainingConfig} by name: its record components are the only list of them. */
public final class Settings {
    private static final Map<String, RecordComponent> BY_NAME = Arrays
            .stream(TrainingConfig.class.getRecordComponents())
            .collect(Collectors.toMap(RecordComponent::getName, c -> c, (a, b) -> a, LinkedHashMap::new));

    private Settings() {
    }

    /**
     * A setting as a flag or a help page sees it.
     *
     * @param name as in Java and in configuration files, {@code minLearningRate}
     * @param help one line
     * @param defaultValue as text
     * @param isFlag whether it is true or false
     * @param isNumber whether it is a number
     */
    public record Description(String name, String help, String defaultValue, boolean isFlag, boolean isNumber) {
        /** The name in kebab case, {@code min-learning-rate}. */
        public String flag() {
            return name.replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
        }
    }

    /** All settings in order. */
    public static List<Description> all() {
        Map<String, Object> defaults = toMap(TrainingConfig.DEFAULT);
        return BY_NAME.values().stream().map(component -> new Description(component.getName(),
                component.getAnnotation(Setting.class).value(), text(defaults.get(component.getName())),
                component.getType() == boolean.class,
                component.getType().isPrimitive() && component.getType() != boolean.class)).toList();
    }

    static Map<String, Object> toMap(TrainingConfig config) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (RecordComponent component : BY_NAME.values()) {
            try {
                values.put(component.getName(), component.getAccessor().invoke(config));
            } catch (ReflectiveOperationException impossible) {
                throw new IllegalStateException(impossible);
            }
        }
        return values;
    }

    static TrainingConfig toConfig(Map<String, Object> values) {
        Class<?>[] types = BY_NAME.values().stream().map(RecordComponent::getType).toArray(Class<?>[]::new);
        Object[] arguments = BY_NAME.values().stream().map(component -> checked(component,
                values.get(component.getName()))).toArray();
        try {
            return TrainingConfig.class.getDeclaredConstructor(types).newInstance(arguments);
        } catch (InvocationTargetException refused) {
            if (refused.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(refused);
        } catch (ReflectiveOperationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static Object checked(RecordComponent component, Object value) {
        Setting setting = component.getAnnotation(Setting.class);
        if (value instanceof Number number
                && !(number.doubleValue() >= setting.min() && number.doubleValue() <= setting.max())) {
            throw new IllegalArgumentException(component.getName() + ": expected "
                    + (setting.max() < Double.POSITIVE_INFINITY
                            ? plain(setting.min()) + " to " + plain(setting.max()) : "at least " + plain(setting.min()))
                    + ", got " + number);
        }
        return value;
    }

    private static String plain(double number) {
        return number == Math.rint(number) ? Long.toString((long) number) : Double.toString(number);
    }

    /** The value of a setting from text. @throws IllegalArgumentException naming the setting and what it takes */
    static Object parse(String name, String text) {
        Class<?> type = type(name);
        try {
            if (type == int.class) {
                return Integer.parseInt(text.strip());
            } else if (type == long.class) {
                return Long.parseLong(text.strip());
            } else if (type == double.class) {
                return Double.parseDouble(text.strip());
            }
        } catch (NumberFormatException noNumber) {
            throw new IllegalArgumentException(name + ": expected " + (type == double.class ? "a number" : "an integer")
                    + ", got '" + text + "'", noNumber);
        }
        if (type == boolean.class) {
            return parseFlag(name, text.strip());
        } else if (type == List.class) {
            return Arrays.stream(text.split(",")).map(String::strip).filter(item -> !item.isEmpty()).toList();
        }
        return type.isEnum() ? parseWord(name, type, text.strip()) : text;
    }

    static boolean isList(String name) {
        return type(name) == List.class;
    }

    private static Class<?> type(String name) {
        RecordComponent component = BY_NAME.get(name);
        if (component == null) {
            throw new IllegalArgumentException(name + ": no such setting; there are "
                    + String.join(", ", BY_NAME.keySet()));
        }
        return component.getType();
    }

    private static boolean parseFlag(String name, String text) {
        if (!text.equalsIgnoreCase("true") && !text.equalsIgnoreCase("false")) {
            throw new IllegalArgumentException(name + ": expected true or false, got '" + text + "'");
        }
        return Boolean.parseBoolean(text);
    }

    private static Object parseWord(String name, Class<?> type, String text) {
        for (Object constant : type.getEnumConstants()) {
            if (constant.toString().equalsIgnoreCase(text)) {
                return constant;
            }
        }
        throw new IllegalArgumentException(name + ": expected " + Arrays.stream(type.getEnumConstants())
                .map(word -> word.toString().toLowerCase(Locale.ROOT)).collect(Collectors.joining(" or "))
                + ", got '" + text + "'");
    }

    private static String text(Object value) {
        return switch (value) {
            case List<?> items -> items.stream().map(Object::toString).collect(Collectors.joining(","));
            case Enum<?> word -> word.name().toLowerCase(Locale.ROOT);
            default -> value.toString();
        };
    }

    static String toJson(TrainingConfig config) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.setPrettyPrinter(new DefaultPrettyPrinter());
            json.writeStartObject();
            for (Map.Entry<String, Object> setting : toMap(config).entrySet()) {
                json.writeFieldName(setting.getKey());
                switch (setting.getValue()) {
                    case Boolean flag -> json.writeBoolean(flag);
                    case Number number -> json.writeNumber(number.toString());
                    case List<?> items -> {
                        json.writeStartArray();
                        for (Object item : items) {
                            json.writeString(item.toString());
                        }
                        json.writeEndArray();
                    }
                    default -> json.writeString(text(setting.getValue()));
                }
            }
            json.writeEndObject();
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return text.append('\n').toString();
    }
}
