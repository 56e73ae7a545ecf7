using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Postgres;

/// <summary>Directories that only the server's own user may enter.</summary>
internal static class PrivateDirectory
{
    internal static void Create(string path, OsAccount? owner)
    {
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        owner?.Own(path);
    }

    /// <summary>Copies a file with its permissions; on disk when this returns. A link stays one.</summary>
    internal static void CopyFile(string from, string to, OsAccount? owner)
    {
        File.Delete(to);
        if (new FileInfo(from).LinkTarget is { } target)
        {
            File.CreateSymbolicLink(to, target);
        }
        else
        {
            File.Copy(from, to);
            using var stream = new FileStream(to, FileMode.Open, FileAccess.ReadWrite);
            stream.Flush(flushToDisk: true);
        }

        owner?.Own(to);
    }
}
