using System.Text;

namespace PgCluster.Adapters.Process;

/// <summary>Writes files so that a reader, or a power cut, finds the old content or the new one and nothing between.</summary>
public static class DurableFile
{
    /// <summary>Replaces a file, or makes it, through a temporary one beside it; on disk when this returns.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">Its content, written as UTF-8 without a mark.</param>
    /// <param name="mode">Its permissions.</param>
    /// <param name="owner">Its owner; null for this process's own user.</param>
    public static void Write(string path, string content, UnixFileMode mode, OsAccount? owner = null)
    {
        Replace(path, content, mode, owner, flush: true);
        SyncParent(path);
    }

    /// <summary>The same for readers; a power cut may still bring the old one back until <see cref="Sync"/> returns.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">Its content, written as UTF-8 without a mark.</param>
    /// <param name="mode">Its permissions.</param>
    /// <param name="owner">Its owner; null for this process's own user.</param>
    /// <param name="flush">The content is on disk when this returns, though perhaps not the file's name.</param>
    internal static void Replace(string path, string content, UnixFileMode mode, OsAccount? owner, bool flush)
    {
        var temporary = path + ".pgcluster-new";
        try
        {
            // New, so that a link somebody put there is not followed: the directory may belong to another user.
            File.Delete(temporary);
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = mode;
            }

            using (var stream = new FileStream(temporary, options))
            {
                stream.Write(Encoding.UTF8.GetBytes(content));
                stream.Flush(flush);
            }

            owner?.Own(temporary);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Returns when a file's content and name are on disk.</summary>
    internal static void Sync(string path)
    {
        using (var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
        {
            stream.Flush(flushToDisk: true);
        }

        SyncParent(path);
    }

    /// <summary>Deletes a file for good. True when it was there.</summary>
    public static bool Delete(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        File.Delete(path);
        SyncParent(path);
        return true;
    }

    private static void SyncParent(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            Posix.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
    }
}
