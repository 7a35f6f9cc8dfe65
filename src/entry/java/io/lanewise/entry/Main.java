package io.lanewise.entry;

/** Where {@code engine.jar} starts. Compiled for Java 8, so that an old JVM can say what it lacks in one line. */
public final class Main {
    private static final int NEEDED_JAVA = 25;
    private static final String COMMAND = "java --add-modules jdk.incubator.vector -jar engine.jar";

    private Main() {}

    public static void main(String[] args) throws Exception {
        int java = javaVersion(System.getProperty("java.specification.version", "0"));
        if (java < NEEDED_JAVA) {
            fail("this is Java " + java + ", Lanewise needs Java " + NEEDED_JAVA + " or newer; run: " + COMMAND
                    + " with a JDK " + NEEDED_JAVA);
        }
        try {
            Class.forName("jdk.incubator.vector.FloatVector");
        } catch (ClassNotFoundException absent) {
            fail("the Vector API module is not enabled; run: " + COMMAND);
        }
        Class.forName("io.lanewise.cli.Engine").getMethod("main", String[].class).invoke(null, (Object) args);
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
