using System.Text;

namespace PgCluster.Adapters.Process;

/// <summary>The end of a log file, for errors.</summary>
public static class LogTail
{
    private const int MaxBytes = 4096;
    private const int MaxLines = 12;

    /// <summary>Length of a file in bytes; 0 when it is missing.</summary>
    public static long Length(string path) => File.Exists(path) ? new FileInfo(path).Length : 0;

    /// <summary>The last lines written after <paramref name="offset"/>; a few words instead when there are none.</summary>
    /// <param name="path">The log file.</param>
    /// <param name="offset">Bytes to leave out from its beginning.</param>
    public static string Read(string path, long offset = 0)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            stream.Position = Math.Min(stream.Length, Math.Max(offset, stream.Length - MaxBytes));
            using var reader = new StreamReader(stream, Encoding.UTF8);
            var lines = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return lines.Length == 0 ? $"(nothing was written to {path})" : string.Join('\n', lines.TakeLast(MaxLines));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"(no log at {path})";
        }
    }
}
