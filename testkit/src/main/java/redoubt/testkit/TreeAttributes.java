package redoubt.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.kernfs.Access;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsLink;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;

/** The tree of this very process as its clients see it, without a socket in between. */
public final class TreeAttributes implements Attributes {

    private static final int READ_LIMIT_BYTES = 64 << 10;
    private static final long LOOK_AGAIN_NANOS = 200_000;

    private final KernfsDirectory root;
    private final Map<String, OpenFile> watched = new LinkedHashMap<>();
    private final Map<String, Long> told = new LinkedHashMap<>();
    private final AtomicBoolean woken = new AtomicBoolean();

    /** A client of this tree. */
    public TreeAttributes(KernfsDirectory root) {
        this.root = root;
    }

    @Override
    public String read(String path) throws AttributeRefused {
        try (OpenFile file = root.attribute(path).open(Access.READ)) {
            ByteBuffer target = ByteBuffer.allocate(READ_LIMIT_BYTES);
            if (file.read(0, target) == OpenFile.REFUSED) {
                throw new AttributeRefused(
                        file.refusal().errno(), path + ": " + file.refusal().because());
            }
            return UTF_8.decode(target.flip()).toString();
        } catch (NodeRefused refused) {
            throw refusal(refused);
        }
    }

    @Override
    public void write(String path, String value) throws AttributeRefused {
        try (OpenFile file = root.attribute(path).open(Access.WRITE)) {
            if (file.write(ByteBuffer.wrap(value.getBytes(UTF_8))) == OpenFile.REFUSED) {
                throw new AttributeRefused(
                        file.refusal().errno(), path + ": " + file.refusal().because());
            }
        } catch (NodeRefused refused) {
            throw refusal(refused);
        }
    }

    @Override
    public List<Entry> list(String path) throws AttributeRefused {
        try {
            if (!(root.find(path) instanceof KernfsDirectory directory)) {
                throw new AttributeRefused(redoubt.kernfs.Errno.ENOTDIR, path + " is no directory");
            }
            List<Entry> entries = new ArrayList<>();
            for (KernfsNode child : directory.children()) {
                entries.add(new Entry(
                        child.name(),
                        switch (child) {
                            case KernfsDirectory inner -> Kind.DIRECTORY;
                            case KernfsLink link -> Kind.LINK;
                            case KernfsAttribute attribute -> Kind.ATTRIBUTE;
                        }));
            }
            return entries;
        } catch (NodeRefused refused) {
            throw refusal(refused);
        }
    }

    @Override
    public String readlink(String path) throws AttributeRefused {
        try {
            return root.link(path).readlink();
        } catch (NodeRefused refused) {
            throw refusal(refused);
        }
    }

    @Override
    public void watch(String path) throws AttributeRefused {
        try {
            OpenFile file = root.attribute(path).open(Access.READ);
            OpenFile before = watched.put(path, file);
            if (before != null) {
                before.close();
            }
            if (file.read(0, ByteBuffer.allocate(READ_LIMIT_BYTES)) == OpenFile.REFUSED) {
                throw new AttributeRefused(
                        file.refusal().errno(), path + ": " + file.refusal().because());
            }
            told.put(path, 0L); // events are counted from the first read on
        } catch (NodeRefused refused) {
            throw refusal(refused);
        }
    }

    /** The next change that is there already; those of one attribute are one. */
    public Optional<Change> changeNow() {
        for (Map.Entry<String, OpenFile> each : watched.entrySet()) {
            OpenFile file = each.getValue();
            long events = file.attribute().isActive() ? file.eventsMissed() : Long.MAX_VALUE;
            Long before = told.put(each.getKey(), events);
            if (before == null || before != events) {
                return Optional.of(new Change(each.getKey(), 1));
            }
        }
        return Optional.empty();
    }

    @Override
    public Optional<Change> awaitChange(long limitNanos) {
        long deadline = System.nanoTime() + limitNanos;
        Optional<Change> change = changeNow();
        while (change.isEmpty() && !wasWoken() && System.nanoTime() - deadline < 0) {
            LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            change = changeNow();
        }
        return change;
    }

    /** Whether {@link #wake} was called since this was last asked. */
    public boolean wasWoken() {
        return woken.getAndSet(false);
    }

    @Override
    public void wake() {
        woken.set(true);
    }

    @Override
    public void close() {
        watched.values().forEach(OpenFile::close);
    }

    private static AttributeRefused refusal(NodeRefused refused) {
        return new AttributeRefused(refused.errno(), String.valueOf(refused.getMessage()));
    }
}
