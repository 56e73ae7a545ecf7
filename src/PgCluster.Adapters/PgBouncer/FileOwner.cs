using System.Runtime.InteropServices;

namespace PgCluster.Adapters.PgBouncer;

/// <summary>Owner and group of a file, which the base class library does not have. Linux only.</summary>
internal static partial class FileOwner
{
    private const int CurrentDirectory = -100;
    private const uint OwnerAndGroup = 0x8 | 0x10;
    private const int OwnerOffset = 20;
    private const int GroupOffset = 24;

    /// <summary>Gives <paramref name="to"/> the owner and group of <paramref name="from"/>.</summary>
    /// <exception cref="IOException">It may not, and its new owner would be the only one to read it.</exception>
    public static void Copy(string from, string to, bool othersMayRead)
    {
        var (owner, group) = Read(from);
        if ((owner, group) != Read(to) && ChangeOwner(to, owner, group) != 0 && !othersMayRead)
        {
            throw new IOException(
                $"{from} belongs to user {owner} and group {group}, which its replacement cannot be given: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    internal static (uint Owner, uint Group) Read(string path)
    {
        // struct statx has one layout on every architecture, which struct stat has not.
        Span<byte> buffer = stackalloc byte[256];
        if (Statx(CurrentDirectory, path, 0, OwnerAndGroup, ref MemoryMarshal.GetReference(buffer)) != 0)
        {
            throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        return (MemoryMarshal.Read<uint>(buffer[OwnerOffset..]), MemoryMarshal.Read<uint>(buffer[GroupOffset..]));
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint owner, uint group);
}
