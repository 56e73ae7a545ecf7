using System.Collections;
using PgCluster.Engine.Configuration;

namespace PgCluster.Adapters.Toml;

/// <summary>Reads a cluster's configuration: the file, the environment and flags in one call.</summary>
public static class ConfigLoader
{
    /// <summary>Reads, binds and checks.</summary>
    /// <param name="path">The TOML file; null or empty for none.</param>
    /// <param name="environment">Environment variables; null for those of this process.</param>
    /// <param name="flags">Flags by the path of their option, for example failover.pause_timeout; null for none.</param>
    /// <returns>The configuration as it is in effect, with where each value came from.</returns>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.InvalidConfiguration"/>: the file cannot be read, or something in it, in a variable or in a flag cannot be used.
    /// </exception>
    public static LoadedConfig Load(
        string? path,
        IReadOnlyDictionary<string, string>? environment = null,
        IReadOnlyDictionary<string, string>? flags = null)
    {
        var hasFile = !string.IsNullOrEmpty(path);
        return ConfigBinder.Bind(new()
        {
            File = hasFile ? TomlReader.ParseUtf8(Read(path!), path!) : null,
            FileName = path ?? "",
            FileDirectory = hasFile ? Path.GetDirectoryName(Path.GetFullPath(path!)) : null,
            WorkingDirectory = Directory.GetCurrentDirectory(),
            Environment = environment ?? ProcessEnvironment(),
            Flags = flags ?? new Dictionary<string, string>(),
        });
    }

    static byte[] Read(string path)
    {
        try
        {
            return Directory.Exists(path)
                ? throw Unreadable(path, "is a directory; expected a TOML file")
                : File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Unreadable(path, "there is no such file", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw Unreadable(path, $"{Environment.UserName} may not read it", error);
        }
        catch (Exception error) when (error is IOException or ArgumentException or NotSupportedException)
        {
            throw Unreadable(path, $"cannot be read: {error.Message}", error);
        }
    }

    static PgClusterException Unreadable(string path, string why, Exception? error = null) =>
        new(Reason.InvalidConfiguration, $"{path}: {why}", error) { Target = path };

    static Dictionary<string, string> ProcessEnvironment() =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "", StringComparer.Ordinal);
}
