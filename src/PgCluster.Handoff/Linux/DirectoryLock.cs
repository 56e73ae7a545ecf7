using System.Runtime.InteropServices;

namespace PgCluster.Handoff.Linux;

/// <summary>The exclusive lock of a coordination directory. The kernel takes it back from a process that dies.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private readonly DescriptorHandle _file;

    private DirectoryLock(DescriptorHandle file) => _file = file;

    /// <summary>Takes the lock when nobody has it; null when somebody does.</summary>
    /// <param name="path">The file that is locked; made when it is not there.</param>
    /// <exception cref="HandoffException">DirectoryUnusable: the file cannot be opened or locked.</exception>
    public static DirectoryLock? TryTake(string path)
    {
        // Not by FileShare.None, which an environment variable can switch off for a whole process.
        var file = new DescriptorHandle(Native.Open(path, Native.ReadWriteCreateCloseOnExec, (int)(UnixFileMode.UserRead | UnixFileMode.UserWrite)));
        if (file.IsInvalid)
        {
            throw new HandoffException(HandoffError.DirectoryUnusable, Native.LastError($"Cannot open '{path}'").Message);
        }

        if (Native.Lock(file, Native.LockExclusiveNow) == 0)
        {
            return new DirectoryLock(file);
        }

        var error = Marshal.GetLastPInvokeError();
        file.Dispose();
        return error is Native.TryAgain or Native.Interrupted
            ? null
            : throw new HandoffException(HandoffError.DirectoryUnusable, Native.Error($"Cannot lock '{path}'", error).Message);
    }

    public void Dispose() => _file.Dispose();
}
