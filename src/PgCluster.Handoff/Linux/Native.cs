using System.Runtime.InteropServices;

namespace PgCluster.Handoff.Linux;

/// <summary>The calls of the C library that .NET has no type for. Numbers are Linux's, the same on every architecture that .NET runs on.</summary>
internal static unsafe partial class Native
{
    internal const int Interrupted = 4;
    internal const int TryAgain = 11;
    internal const int BrokenPipe = 32;
    internal const int ConnectionReset = 104;
    internal const int TooManyReferences = 109;
    internal const int SocketLevel = 1;
    internal const int PeerCredentials = 17;
    internal const int Rights = 1;
    internal const int DoNotWait = 0x40;
    internal const int NoSignal = 0x4000;
    internal const int CloseOnExecReceived = 0x40000000;
    internal const int ControlTruncated = 0x8;
    internal const int DuplicateCloseOnExec = 1030;
    internal const int ReadWriteCreateCloseOnExec = 0x2 | 0x40 | 0x80000;
    internal const int LockExclusiveNow = 2 | 4;
    internal const int UnixFamily = 1;
    internal const int StreamCloseOnExec = 1 | 0x80000;

    private const int CurrentDirectory = -100;
    private const int DoNotFollow = 0x100;
    private const uint StatxType = 0x1;
    private const int ModeOffset = 28;
    private const ushort TypeMask = 0xF000;
    private const ushort TypeSocket = 0xC000;

    [LibraryImport("libc", EntryPoint = "geteuid")]
    internal static partial uint EffectiveUserId();

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(nint descriptor);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    internal static partial int Control(SafeHandle descriptor, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    internal static partial int Lock(SafeHandle descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    internal static partial int OpenSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    internal static partial int Bind(SafeHandle socket, byte* address, int length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    internal static partial int Listen(SafeHandle socket, int backlog);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    internal static partial nint SendMessage(SafeHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    internal static partial nint ReceiveMessage(SafeHandle socket, MessageHeader* message, int flags);

    /// <summary>True when there is a Unix socket at the path.</summary>
    internal static bool IsSocket(string path)
    {
        // struct statx has one layout everywhere, unlike struct stat: 256 bytes.
        var answer = stackalloc byte[256];
        return Statx(CurrentDirectory, path, DoNotFollow, StatxType, answer) == 0 && (*(ushort*)(answer + ModeOffset) & TypeMask) == TypeSocket;
    }

    /// <summary>The error of the last call, as an exception of this library.</summary>
    internal static HandoffException LastError(string what) => Error(what, Marshal.GetLastPInvokeError());

    internal static HandoffException Error(string what, int error) => new(HandoffError.System, $"{what}: {Marshal.GetPInvokeErrorMessage(error)}.");

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, byte* answer);

    /// <summary>struct msghdr; its counts are as wide as a pointer, or padded to be.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MessageHeader
    {
        internal nint Name;
        internal nuint NameLength;
        internal Vector* Vectors;
        internal nuint VectorCount;
        internal void* Ancillary;
        internal nuint AncillaryLength;
        internal int Flags;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Vector
    {
        internal byte* Base;
        internal nuint Length;
    }

    /// <summary>struct cmsghdr with one descriptor behind it, and the padding to the next one.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct OneDescriptor
    {
        internal nuint Length;
        internal int Level;
        internal int Type;
        internal int Descriptor;

        // Without the padding, which is a part of the space of one descriptor where pointers are wide.
        internal static nuint LengthInUse => (nuint)(sizeof(nuint) + (3 * sizeof(int)));
    }
}
