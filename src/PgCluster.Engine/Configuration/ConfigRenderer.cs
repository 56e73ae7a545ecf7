using System.Text;

namespace PgCluster.Engine.Configuration;

/// <summary>
/// Writes a configuration as TOML that reads back as the same configuration. Secrets are named by their files and so never in it.
/// </summary>
public static class ConfigRenderer
{
    /// <summary>Writes every option.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="comments">
    /// True for a comment before each option: what it is for, its unit, its default and, with origins, where it came from.
    /// </param>
    /// <param name="origins">Where values came from; null when nobody knows.</param>
    /// <returns>TOML with LF line ends.</returns>
    public static string Render(ClusterConfig config, bool comments, ConfigOrigins? origins = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        var toml = new StringBuilder();
        foreach (var section in ConfigSchema.Sections)
        {
            foreach (var (path, values) in section.Write(config))
            {
                if (toml.Length > 0)
                {
                    toml.Append('\n');
                }

                if (comments)
                {
                    AppendComment(toml, section.Help);
                }

                toml.Append(section.Header).Append('\n');
                foreach (var (option, value) in values)
                {
                    if (comments)
                    {
                        AppendComment(toml, Comment(option, origins?[$"{path}.{option.Name}"]));
                    }

                    toml.Append(option.Name).Append(" = ").Append(value).Append('\n');
                }
            }
        }

        return toml.ToString();
    }

    static string Comment(ConfigOption option, ConfigOrigin? origin)
    {
        var known = option.DefaultText is { } text ? $"default {text}" : "required";
        return $"{option.Help} ({option.Unit}; {known}{(origin is null ? "" : $"; from {origin}")})";
    }

    // A file's name may hold anything, a line end included: it must not end the comment.
    static void AppendComment(StringBuilder toml, string text) =>
        toml.Append("# ").Append([.. text.Select(c => char.IsControl(c) ? '?' : c)]).Append('\n');
}
