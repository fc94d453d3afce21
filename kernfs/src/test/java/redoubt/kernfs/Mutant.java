package redoubt.kernfs;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.util.HashMap;
import java.util.Map;

/**
 * This room with something wrong in it: its classes, and those of its tests, defined a second time from the same files, one or two methods
 * changed on the way. So the production code needs no place where a mistake could be put in.
 */
final class Mutant extends ClassLoader {

    private static final String ROOM = "redoubt.kernfs.";

    private final Map<String, Map<String, CodeTransform>> changes = new HashMap<>(); // by class, then by method
    private int planted;

    Mutant() {
        super(Mutant.class.getClassLoader());
    }

    /** Changes the code of one method; {@code code} calls {@link #planted} where it does. */
    Mutant changing(Class<?> type, String method, CodeTransform code) {
        changes.computeIfAbsent(type.getName(), name -> new HashMap<>()).put(method, code);
        return this;
    }

    /** Says that the mistake was put in. */
    void planted() {
        planted++;
    }

    /** How often it was. */
    int plantings() {
        return planted;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        synchronized (getClassLoadingLock(name)) {
            if (!name.startsWith(ROOM)) {
                return super.loadClass(name, resolve);
            }
            Class<?> loaded = findLoadedClass(name);
            return loaded == null ? define(name) : loaded;
        }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        try (InputStream file = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
            if (file == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] bytes = file.readAllBytes();
            Map<String, CodeTransform> methods = changes.get(name);
            if (methods != null) {
                bytes = changed(bytes, methods);
            }
            return defineClass(name, bytes, 0, bytes.length);
        } catch (IOException unreadable) {
            throw new ClassNotFoundException(name, unreadable);
        }
    }

    private static byte[] changed(byte[] file, Map<String, CodeTransform> methods) {
        ClassFile format = ClassFile.of();
        return format.transformClass(format.parse(file), (type, element) -> {
            CodeTransform change = element instanceof MethodModel method
                    ? methods.get(method.methodName().stringValue())
                    : null;
            if (change == null) {
                type.with(element);
            } else {
                type.transformMethod((MethodModel) element, MethodTransform.transformingCode(change));
            }
        });
    }
}
