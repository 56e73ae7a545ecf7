namespace PgCluster.Adapters;

/// <summary>Secrets live in files, never in options, variables or arguments, where others could read them.</summary>
public static class SecretFile
{
    /// <summary>The first line of the file; empty when no file is named.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: it cannot be read. The message names the file, never its content.</exception>
    public static string ReadOrEmpty(string file)
    {
        if (file.Length == 0)
        {
            return "";
        }

        try
        {
            return File.ReadLines(file).FirstOrDefault() ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PgClusterException(Reason.InvalidConfiguration, $"the password file {file} cannot be read: {e.Message}", e) { Target = file };
        }
    }
}
