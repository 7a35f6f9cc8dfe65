package io.lanewise.entry;

import java.lang.reflect.InvocationTargetException;

/** Where {@code engine.jar} starts. Compiled for Java 8, so that an old JVM can say what it lacks in one line. */
public final class Main {
    private static final int NEEDED_JAVA = 25;
    private static final String COMMAND = "java --add-modules jdk.incubator.vector -jar engine.jar";

    private Main() {}

    public static void main(String[] args) throws Throwable {
        int java = javaVersion(System.getProperty("java.specification.version", "0"));
        if (java < NEEDED_JAVA) {
            fail("this is Java " + java + ", Lanewise needs Java " + NEEDED_JAVA + " or newer; run: " + COMMAND
                    + " with a JDK " + NEEDED_JAVA);
        }
        if (!vectorModulePresent() && !(Boolean.getBoolean("lanewise.loadVectorModule") && loadVectorModule())) {
            fail("the Vector API module is not enabled; run: " + COMMAND);
        }
        try {
            Class.forName("io.lanewise.cli.Engine").getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        }
    }

    private static boolean vectorModulePresent() {
        try {
            Class.forName("jdk.incubator.vector.FloatVector", false, Main.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException absent) {
            return false;
        }
    }

    /**
     * Loads the Vector API module after the JVM has started, the way the JVM itself loads modules for agents. The
     * launcher asks for this in place of {@code --add-modules}, which prints a warning at every start. It sets
     * {@code -XX:+EnableVectorSupport} too, without which the module would load and compute a hundred times slower.
     */
    private static boolean loadVectorModule() {
        try {
            Class.forName("jdk.internal.module.Modules").getMethod("loadModule", String.class)
                    .invoke(null, "jdk.incubator.vector");
            return vectorModulePresent();
        } catch (ReflectiveOperationException | RuntimeException refused) {
            return false;
        }
    }

    /** "1.8" is 8, "17" is 17. */
    private static int javaVersion(String specification) {
        String version = specification.startsWith("1.") ? specification.substring(2) : specification;
        try {
            return Integer.parseInt(version);
        } catch (NumberFormatException unknown) {
            return 0;
        }
    }

    private static void fail(String message) {
        System.err.println("engine: " + message);
        System.exit(2);
    }
}
