package redoubt.fuse;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redoubt.kernfs.Access;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsLink;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;
import redoubt.kernfs.Outcome;

/**
 * The attribute tree as files. As in sysfs every attribute seems to be a page long, a read at position 0 shows it and a write stores it; nothing is
 * cached by the kernel (direct I/O, and names and attributes that hold for no time at all), so what is read is what is true.
 *
 * <p>Reads, writes and polls of open files take no lock of this room and allocate nothing here. What opens, looks up and lists does both: it
 * is not on the way of a daemon that keeps its files open.
 */
final class AttributeResponder implements Responder {

    /** As in sysfs nothing longer is stored, and a longer value is read piece by piece. */
    static final int LONGEST_TRANSFER_BYTES = KernfsAttribute.PAGE_BYTES;

    private static final int NODES = 4096;
    private static final int HANDLES = 512;
    private static final int OPEN_FILES_BYTES = 4 << 20;
    private static final int BACKGROUND = 16;
    private static final int DIRECTORY_MODE = Wire.S_IFDIR | 0755;
    private static final int LINK_MODE = Wire.S_IFLNK | 0777;
    private static final int TYPE_SHIFT = 12;

    /** A number that no node has: that of the link to volumes which are mounted elsewhere. */
    private static final long OUTSIDE_LINK = 1L << 32;

    private final NodeTable nodes;
    private final HandleTable handles;
    private final int user = Linux.user();
    private final int group = Linux.group();
    private final long sinceSeconds;
    private final byte @Nullable [] volumesElsewhere;

    /**
     * Over a tree.
     *
     * @param channel on which the kernel is told of events
     * @param volumesElsewhere where the link {@link FuseMount#VOLUMES} in the root leads to; null if there is none
     * @param sinceSeconds the time that all files have, in seconds since 1970
     */
    AttributeResponder(FuseChannel channel, KernfsDirectory root, @Nullable Path volumesElsewhere, long sinceSeconds) {
        this.volumesElsewhere =
                volumesElsewhere == null ? null : volumesElsewhere.toString().getBytes(StandardCharsets.UTF_8);
        this.nodes = new NodeTable(NODES, root);
        this.handles = new HandleTable(channel, HANDLES, OPEN_FILES_BYTES);
        this.sinceSeconds = sinceSeconds;
    }

    @Override
    public int longestTransferBytes() {
        return LONGEST_TRANSFER_BYTES;
    }

    @Override
    public int background() {
        return BACKGROUND;
    }

    /** How many files and directories are open. */
    int open() {
        return handles.open();
    }

    /** How many nodes the kernel knows. */
    int known() {
        return nodes.known();
    }

    /** Closes what is open; nobody asks any more. */
    void close() {
        handles.closeAll();
    }

    @Override
    public boolean answer(Opcode opcode, Exchange exchange) {
        switch (opcode) {
            case FORGET -> nodes.forget(exchange.node(), exchange.longAt(0));
            case BATCH_FORGET -> forgetAll(exchange);
            case READ -> read(exchange);
            case WRITE -> write(exchange);
            case POLL -> poll(exchange);
            case RELEASE, RELEASEDIR -> release(exchange);
            case FLUSH, FSYNC, FSYNCDIR -> exchange.done();
            case STATFS -> statistics(exchange);
            case READDIR -> list(exchange, false);
            case READDIRPLUS -> list(exchange, true);
            case LOOKUP, GETATTR, SETATTR, READLINK, OPEN, OPENDIR, ACCESS -> ofNode(opcode, exchange);
            case CREATE, MKNOD, TMPFILE -> exchange.refuse(Linux.EACCES);
            case SYMLINK, MKDIR, UNLINK, RMDIR, RENAME, RENAME2, LINK -> exchange.refuse(Linux.EPERM);
            case FALLOCATE -> exchange.refuse(Linux.EOPNOTSUPP);
            case INIT, INTERRUPT, DESTROY -> throw new IllegalStateException("the connection answers " + opcode);
        }
        return true;
    }

    private void ofNode(Opcode opcode, Exchange exchange) {
        byte[] elsewhere = volumesElsewhere;
        if (elsewhere != null && exchange.node() == OUTSIDE_LINK) {
            ofOutsideLink(opcode, exchange, elsewhere);
            return;
        }
        KernfsNode node = nodes.node(exchange.node());
        if (node == null || !node.isActive()) {
            exchange.refuse(Linux.ENOENT);
            return;
        }
        switch (opcode) {
            case LOOKUP -> lookUp(exchange, node);
            case GETATTR -> attributes(exchange, node);
            case SETATTR -> setAttributes(exchange, node);
            case READLINK -> readLink(exchange, node);
            case OPEN -> open(exchange, node);
            case OPENDIR -> openDirectory(exchange, node);
            default -> exchange.done(); // ACCESS: the kernel has checked what the modes say
        }
    }

    // ---------------------------------------------------------------------------------------------- names and
    // attributes

    private void lookUp(Exchange exchange, KernfsNode node) {
        String name = exchange.name();
        if (!(node instanceof KernfsDirectory directory)) {
            exchange.refuse(Linux.ENOTDIR);
            return;
        }
        byte[] elsewhere = volumesElsewhere;
        if (elsewhere != null && exchange.node() == Wire.ROOT_NODE && FuseMount.VOLUMES.equals(name)) {
            lookUpOutsideLink(exchange, elsewhere);
            return;
        }
        KernfsNode child = name == null ? null : directory.child(name).orElse(null);
        if (child == null) {
            exchange.refuse(Linux.ENOENT);
            return;
        }
        long number = nodes.tell(child);
        if (number == NodeTable.FULL) {
            exchange.refuse(Linux.ENFILE);
            return;
        }
        exchange.begin(Wire.ENTRY_BYTES);
        putEntry(exchange, 0, number, child);
        if (!exchange.answer(Wire.ENTRY_BYTES)) {
            nodes.forget(number, 1);
        }
    }

    private void ofOutsideLink(Opcode opcode, Exchange exchange, byte[] elsewhere) {
        switch (opcode) {
            case GETATTR -> {
                exchange.begin(Wire.ATTR_OUT_BYTES);
                putAttributes(exchange, Wire.ATTR_OUT_ATTR, OUTSIDE_LINK, LINK_MODE, 1, elsewhere.length);
                exchange.answer(Wire.ATTR_OUT_BYTES);
            }
            case READLINK -> {
                exchange.answerRoom(elsewhere.length).put(elsewhere);
                exchange.answerWritten();
            }
            case ACCESS -> exchange.done();
            default -> exchange.refuse(Linux.EPERM);
        }
    }

    private void lookUpOutsideLink(Exchange exchange, byte[] elsewhere) {
        exchange.begin(Wire.ENTRY_BYTES);
        exchange.put(0, OUTSIDE_LINK);
        exchange.put(Wire.ENTRY_GENERATION, 1L);
        putAttributes(exchange, Wire.ENTRY_ATTR, OUTSIDE_LINK, LINK_MODE, 1, elsewhere.length);
        exchange.answer(Wire.ENTRY_BYTES);
    }

    private void putEntry(Exchange exchange, int at, long number, KernfsNode node) {
        exchange.put(at, number);
        exchange.put(at + Wire.ENTRY_GENERATION, nodes.generation(number));
        putAttributes(exchange, at + Wire.ENTRY_ATTR, number, node);
    }

    private void putAttributes(Exchange exchange, int at, long number, KernfsNode node) {
        int links = 1;
        long size = 0;
        switch (node) {
            case KernfsDirectory directory -> links = 2;
            case KernfsAttribute attribute -> size = attribute.capacityBytes();
            case KernfsLink link -> size = link.relativePath().length();
        }
        putAttributes(exchange, at, number, mode(node), links, size);
    }

    private void putAttributes(Exchange exchange, int at, long number, int mode, int links, long size) {
        exchange.put(at, number);
        exchange.put(at + Wire.ATTR_SIZE, size);
        for (int time = 0; time < 3; time++) {
            exchange.put(at + Wire.ATTR_TIMES + time * Long.BYTES, sinceSeconds);
        }
        exchange.put(at + Wire.ATTR_MODE, mode);
        exchange.put(at + Wire.ATTR_NLINK, links);
        exchange.put(at + Wire.ATTR_UID, user);
        exchange.put(at + Wire.ATTR_GID, group);
        exchange.put(at + Wire.ATTR_BLOCK, KernfsAttribute.PAGE_BYTES);
    }

    private static int mode(KernfsNode node) {
        return switch (node) {
            case KernfsDirectory directory -> DIRECTORY_MODE;
            case KernfsAttribute attribute -> Wire.S_IFREG | attribute.mode();
            case KernfsLink link -> LINK_MODE;
        };
    }

    private void attributes(Exchange exchange, KernfsNode node) {
        long number = exchange.node();
        exchange.begin(Wire.ATTR_OUT_BYTES);
        putAttributes(exchange, Wire.ATTR_OUT_ATTR, number, node);
        exchange.answer(Wire.ATTR_OUT_BYTES);
    }

    /** A shell's {@code >} truncates before it writes: that is let pass, as in sysfs. */
    private void setAttributes(Exchange exchange, KernfsNode node) {
        int which = exchange.intAt(0);
        if ((which & (Wire.SET_MODE | Wire.SET_UID | Wire.SET_GID)) != 0) {
            exchange.refuse(Linux.EPERM);
        } else {
            attributes(exchange, node);
        }
    }

    private static void readLink(Exchange exchange, KernfsNode node) {
        if (!(node instanceof KernfsLink link)) {
            exchange.refuse(Linux.EINVAL);
            return;
        }
        byte[] path = link.relativePath().getBytes(StandardCharsets.UTF_8);
        if (path.length >= Wire.PAGE_BYTES) {
            exchange.refuse(Linux.ENAMETOOLONG);
            return;
        }
        exchange.answerRoom(path.length).put(path);
        exchange.answerWritten();
    }

    private static void statistics(Exchange exchange) {
        exchange.begin(Wire.STATFS_BYTES);
        exchange.put(Wire.STATFS_BLOCK, KernfsAttribute.PAGE_BYTES);
        exchange.put(Wire.STATFS_NAME, Wire.NAME_LIMIT_BYTES);
        exchange.put(Wire.STATFS_FRAGMENT, KernfsAttribute.PAGE_BYTES);
        exchange.answer(Wire.STATFS_BYTES);
    }

    private void forgetAll(Exchange exchange) {
        long said = exchange.intAt(0) & 0xFFFFFFFFL;
        int room = (exchange.bodyBytes() - Wire.BATCH_FORGET_BYTES) / Wire.FORGET_ONE_BYTES;
        int count = (int) Math.min(said, room);
        for (int i = 0; i < count; i++) {
            int at = Wire.BATCH_FORGET_BYTES + i * Wire.FORGET_ONE_BYTES;
            nodes.forget(exchange.longAt(at), exchange.longAt(at + Long.BYTES));
        }
    }

    // ---------------------------------------------------------------------------------------------- open files

    private void open(Exchange exchange, KernfsNode node) {
        if (!(node instanceof KernfsAttribute attribute)) {
            exchange.refuse(node instanceof KernfsDirectory ? Linux.EISDIR : Linux.EINVAL);
            return;
        }
        Access access = switch (exchange.intAt(0) & Wire.O_ACCESS_MODE) {
            case Wire.O_WRONLY -> Access.WRITE;
            case Wire.O_RDWR -> Access.READ_WRITE;
            default -> Access.READ;
        };
        AttributeHandle handle = handles.take(2 * attribute.capacityBytes(), exchange.asker());
        if (handle == null) {
            exchange.refuse(Linux.ENFILE);
            return;
        }
        try {
            HandleTable.fill(handle, attribute.open(access), null);
            opened(exchange, handle);
        } catch (NodeRefused refused) {
            handles.release(handle);
            exchange.refuse(refused.errno().number());
        }
    }

    private void openDirectory(Exchange exchange, KernfsNode node) {
        if (!(node instanceof KernfsDirectory directory)) {
            exchange.refuse(Linux.ENOTDIR);
            return;
        }
        AttributeHandle handle = handles.take(KernfsAttribute.PAGE_BYTES, exchange.asker());
        if (handle == null) {
            exchange.refuse(Linux.ENFILE);
            return;
        }
        HandleTable.fill(handle, null, directory.children());
        opened(exchange, handle);
    }

    private void opened(Exchange exchange, AttributeHandle handle) {
        exchange.begin(Wire.OPEN_OUT_BYTES);
        exchange.put(0, handle.number());
        exchange.put(Wire.OPEN_OUT_FLAGS, handle.file == null ? 0 : Wire.OPEN_DIRECT_IO);
        if (!exchange.answer(Wire.OPEN_OUT_BYTES)) {
            // Whoever opened it is gone, and nobody will close it.
            handles.release(handle);
        }
    }

    private @Nullable OpenFile file(Exchange exchange) {
        AttributeHandle handle = handles.find(exchange.longAt(0));
        OpenFile file = handle == null ? null : handle.file;
        if (file == null) {
            exchange.refuse(Linux.EBADF);
        }
        return file;
    }

    private void release(Exchange exchange) {
        AttributeHandle handle = handles.find(exchange.longAt(0));
        if (handle != null) {
            handles.release(handle);
        }
        exchange.done();
    }

    private void read(Exchange exchange) {
        OpenFile file = file(exchange);
        if (file == null) {
            return;
        }
        long position = exchange.longAt(Wire.RW_OFFSET);
        int wanted = exchange.intAt(Wire.RW_SIZE);
        ByteBuffer room = exchange.answerRoom(wanted < 0 ? Integer.MAX_VALUE : wanted);
        if (file.read(position, room) == OpenFile.REFUSED) {
            refuse(exchange, file.refusal());
        } else {
            exchange.answerWritten();
        }
    }

    private void write(Exchange exchange) {
        OpenFile file = file(exchange);
        if (file == null) {
            return;
        }
        int length = exchange.intAt(Wire.RW_SIZE);
        if (length < 0 || length > exchange.bodyBytes() - Wire.WRITE_IN_BYTES) {
            exchange.refuse(Linux.EINVAL);
            return;
        }
        int taken = file.write(exchange.written(length));
        if (taken == OpenFile.REFUSED) {
            refuse(exchange, file.refusal());
            return;
        }
        exchange.begin(Wire.WRITE_OUT_BYTES);
        exchange.put(0, taken);
        exchange.answer(Wire.WRITE_OUT_BYTES);
    }

    private static void refuse(Exchange exchange, Outcome refusal) {
        exchange.refuse(refusal.errno().number());
    }

    private void poll(Exchange exchange) {
        AttributeHandle handle = handles.find(exchange.longAt(0));
        OpenFile file = handle == null ? null : handle.file;
        if (handle == null || file == null) {
            exchange.refuse(Linux.EBADF);
            return;
        }
        if ((exchange.intAt(Wire.POLL_FLAGS) & Wire.POLL_SCHEDULE_NOTIFY) != 0) {
            handle.arm(exchange.longAt(Wire.POLL_KERNEL_HANDLE));
        }
        int said = 0;
        int now = file.poll();
        said |= (now & OpenFile.POLL_IN) != 0 ? Wire.POLLIN | Wire.POLLRDNORM : 0;
        said |= (now & OpenFile.POLL_OUT) != 0 ? Wire.POLLOUT | Wire.POLLWRNORM : 0;
        said |= (now & OpenFile.POLL_PRI) != 0 ? Wire.POLLPRI : 0;
        said |= (now & OpenFile.POLL_ERR) != 0 ? Wire.POLLERR : 0;
        exchange.begin(Wire.POLL_OUT_BYTES);
        exchange.put(0, said);
        exchange.answer(Wire.POLL_OUT_BYTES);
    }

    // ---------------------------------------------------------------------------------------------- directories

    /** A listing is taken when the directory is opened, or read from its beginning again, and given out piece by piece. */
    private void list(Exchange exchange, boolean plus) {
        AttributeHandle handle = handles.find(exchange.longAt(0));
        List<KernfsNode> listing = handle == null ? null : handle.listing;
        if (handle == null || listing == null) {
            exchange.refuse(Linux.EBADF);
            return;
        }
        long from = exchange.longAt(Wire.RW_OFFSET);
        int wanted = exchange.intAt(Wire.RW_SIZE);
        int room = Math.min(exchange.payloadCapacity(), wanted < 0 ? Integer.MAX_VALUE : wanted);
        if (from == 0 && nodes.node(exchange.node()) instanceof KernfsDirectory directory) {
            listing = directory.children();
            handle.listing = listing;
        }
        int used = 0;
        for (long i = Math.max(0, from); i < listing.size(); i++) {
            KernfsNode node = listing.get((int) i);
            int bytes = putDirectoryEntry(exchange, used, room, plus, node, i + 1);
            if (bytes == 0) {
                break;
            }
            used += bytes;
        }
        if (volumesElsewhere != null && exchange.node() == Wire.ROOT_NODE && from <= listing.size()) {
            used = putOutsideLink(exchange, used, room, plus, listing.size() + 1L);
        }
        if (!exchange.answer(used) && plus) {
            forgetTold(exchange, used);
        }
    }

    private int putDirectoryEntry(Exchange exchange, int at, int room, boolean plus, KernfsNode node, long next) {
        byte[] name = node.name().getBytes(StandardCharsets.UTF_8);
        int before = plus ? Wire.ENTRY_BYTES : 0;
        int bytes = before + Directories.entryBytes(name.length);
        if (bytes > room - at) {
            return 0;
        }
        exchange.clear(at, bytes);
        long number = Directories.UNKNOWN_NODE;
        if (plus && node.isActive()) {
            long told = nodes.tell(node);
            if (told != NodeTable.FULL) {
                number = told;
                putEntry(exchange, at, told, node);
            }
        }
        Directories.put(exchange, at + before, number, next, mode(node) >>> TYPE_SHIFT, name);
        return bytes;
    }

    private static int putOutsideLink(Exchange exchange, int at, int room, boolean plus, long next) {
        byte[] name = FuseMount.VOLUMES.getBytes(StandardCharsets.US_ASCII);
        int before = plus ? Wire.ENTRY_BYTES : 0;
        int bytes = before + Directories.entryBytes(name.length);
        if (bytes > room - at) {
            return at;
        }
        exchange.clear(at, bytes);
        Directories.put(exchange, at + before, OUTSIDE_LINK, next, LINK_MODE >>> TYPE_SHIFT, name);
        return at + bytes;
    }

    private void forgetTold(Exchange exchange, int used) {
        int at = 0;
        while (at < used) {
            long number = exchange.answerLong(at);
            if (number != 0) {
                nodes.forget(number, 1);
            }
            int name = exchange.answerInt(at + Wire.ENTRY_BYTES + Wire.DIRENT_NAME_LENGTH);
            at += Wire.ENTRY_BYTES + Directories.entryBytes(name);
        }
    }
}
