package io.lanewise.bench;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/** Native libraries out of bytedeco's jars, called without its Java side: one function needs no more. */
final class NativePeer {
    private static final Linker LINKER = Linker.nativeLinker();

    private NativePeer() {}

    /** Unpacks a preset's libraries of this system into a directory of the process and loads one of them. */
    static SymbolLookup load(String preset, String library) throws IOException {
        String platform = System.getProperty("bench.platform", "linux-x86_64");
        String folder = "org/bytedeco/" + preset + "/" + platform + "/";
        Path directory = Files.createTempDirectory("lanewise-bench-" + preset);
        URL url = NativePeer.class.getClassLoader().getResource(folder + library);
        if (url == null) {
            throw new IOException("no " + folder + library + " in the class path");
        }
        JarFile jar = ((JarURLConnection) url.openConnection()).getJarFile();
        for (JarEntry entry : Collections.list(jar.entries())) {
            String name = entry.getName().substring(entry.getName().lastIndexOf('/') + 1);
            if (entry.getName().equals(folder + name) && name.startsWith("lib") && !name.startsWith("libjni")) {
                Path file = directory.resolve(name);
                file.toFile().deleteOnExit();
                try (InputStream in = jar.getInputStream(entry)) {
                    Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
        directory.toFile().deleteOnExit();
        return SymbolLookup.libraryLookup(directory.resolve(library), Arena.global());
    }

    static MethodHandle function(SymbolLookup library, String name, FunctionDescriptor type) {
        MemorySegment address = library.find(name).orElseThrow(() -> new IllegalStateException("no function " + name));
        return LINKER.downcallHandle(address, type);
    }

    /** Sets a variable that the library will read when it is loaded. */
    static void setEnvironment(String name, String value) throws Throwable {
        MethodHandle setenv = function(LINKER.defaultLookup(), "setenv", FunctionDescriptor.of(ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            int failed = (int) setenv.invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), 1);
            if (failed != 0) {
                throw new IllegalStateException("setenv " + name);
            }
        }
    }
}
