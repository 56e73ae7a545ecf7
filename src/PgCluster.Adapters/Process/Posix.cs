using System.Runtime.InteropServices;

namespace PgCluster.Adapters.Process;

/// <summary>The few calls of the C library that .NET has no type for. Numbers are Linux's, the same on every architecture used here.</summary>
internal static partial class Posix
{
    internal const int NoSuchProcess = 3;
    internal const short PollIn = 1;

    private const int OpenReadOnly = 0;
    private const int CurrentDirectory = -100;
    private const uint StatxUserAndGroup = 0x8 | 0x10;
    private const int RemoveIdentifier = 0;
    private const int BootTime = 7;
    private const uint RenameExchange = 2;
    private const int InvalidArgument = 22;
    private const int NotImplemented = 38;
    private const long PidfdSendSignal = 424;
    private const long PidfdOpen = 434;
    private const long PidfdGetDescriptor = 438;

    [LibraryImport("libc", EntryPoint = "geteuid")]
    internal static partial uint EffectiveUserId();

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll(ref PollDescriptor descriptor, nuint count, int timeoutMilliseconds);

    /// <summary>CLOCK_BOOTTIME in nanoseconds.</summary>
    internal static long BootTimeNanoseconds() => GetTime(BootTime, out var time) == 0
        ? (time.Seconds * 1_000_000_000) + time.Nanoseconds
        : throw new InvalidOperationException($"clock_gettime: {Marshal.GetLastPInvokeErrorMessage()}.");

    /// <summary>A descriptor of a process: it keeps meaning that process, whatever happens to its number. -1 with an errno otherwise.</summary>
    internal static int OpenPidfd(int pid) => (int)Syscall(PidfdOpen, pid, 0, 0, 0);

    /// <summary>Signals the process of a descriptor. -1 with an errno otherwise.</summary>
    internal static int SignalPidfd(int descriptor, int signal) => (int)Syscall(PidfdSendSignal, descriptor, signal, 0, 0);

    /// <summary>A duplicate of a descriptor of that process, closed on exec (Linux 5.6, with the rights to trace that process). -1 with an errno otherwise.</summary>
    internal static int DuplicateFromPidfd(int descriptor, int target) => (int)Syscall(PidfdGetDescriptor, descriptor, target, 0, 0);

    /// <summary>Writes a directory's entries to disk: without it a rename may be forgotten by a power cut.</summary>
    internal static void SyncDirectory(string path)
    {
        var descriptor = Open(path, OpenReadOnly, 0);
        if (descriptor < 0)
        {
            throw new IOException($"Cannot open directory '{path}': {Marshal.GetLastPInvokeErrorMessage()}.");
        }

        var result = Sync(descriptor);
        var error = result < 0 ? Marshal.GetLastPInvokeErrorMessage() : "";
        _ = Close(descriptor);
        if (result < 0)
        {
            throw new IOException($"Cannot sync directory '{path}': {error}.");
        }
    }

    /// <summary>User and group id of a file's owner.</summary>
    internal static (uint UserId, uint GroupId) GetOwner(string path)
    {
        // struct statx has one layout everywhere, unlike struct stat: uid at 20, gid at 24, 256 bytes in all.
        Span<byte> buffer = stackalloc byte[256];
        if (Statx(CurrentDirectory, path, 0, StatxUserAndGroup, ref MemoryMarshal.GetReference(buffer)) < 0)
        {
            throw new IOException($"Cannot look at '{path}': {Marshal.GetLastPInvokeErrorMessage()}.");
        }

        return (MemoryMarshal.Read<uint>(buffer[20..]), MemoryMarshal.Read<uint>(buffer[24..]));
    }

    /// <summary>Gives a file to another owner; of a link, the link itself.</summary>
    internal static void SetOwner(string path, uint userId, uint groupId)
    {
        if (ChangeOwner(path, userId, groupId) < 0)
        {
            throw new IOException($"Cannot change the owner of '{path}': {Marshal.GetLastPInvokeErrorMessage()}.");
        }
    }

    /// <summary>Lets two directories change places, in one step that no crash can cut in two. False where the file system cannot do that.</summary>
    internal static bool ExchangeDirectories(string one, string other)
    {
        if (RenameAt(CurrentDirectory, one, CurrentDirectory, other, RenameExchange) == 0)
        {
            return true;
        }

        return Marshal.GetLastPInvokeError() is InvalidArgument or NotImplemented
            ? false
            : throw new IOException($"Cannot let '{one}' and '{other}' change places: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    /// <summary>Removes a System V shared memory segment. False when it is gone or somebody else's.</summary>
    internal static bool RemoveSharedMemory(int id) => SharedMemoryControl(id, RemoveIdentifier, 0) == 0;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Syscall(long number, long first, long second, long third, long fourth);

    [LibraryImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    private static partial int GetTime(int clock, out TimeSpecification time);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint userId, uint groupId);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt(int oneDirectory, string one, int otherDirectory, string other, uint flags);

    [LibraryImport("libc", EntryPoint = "shmctl", SetLastError = true)]
    private static partial int SharedMemoryControl(int id, int command, nint buffer);

    // Both members are as wide as a pointer.
    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpecification
    {
        internal nint Seconds;
        internal nint Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollDescriptor
    {
        internal int Descriptor;
        internal short Events;
        internal short Returned;
    }
}
