using System.CommandLine;
using PgCluster.Client;
using PgCluster.Engine.Configuration;

namespace PgCluster.Agent.Commands;

/// <summary>The options every command takes: the configuration file, and one flag for each option of the configuration that stands alone.</summary>
internal static class ConfigurationOptions
{
    public static Option<string?> ConfigFile { get; } = new("--config-file", "-c")
    {
        Description = $"The cluster's configuration file; else {ClusterConfiguration.FileVariable}.",
        Recursive = true,
    };

    public static Option<bool> Json { get; } = new("--json") { Description = "Print JSON for machines.", Recursive = true };

    // Hidden: they would bury the commands' own options in every help; 'config show' lists them with their meaning.
    private static readonly (string Path, Option<string?> Option)[] Flags =
        [.. ConfigSchema.Options.Where(o => o.Flag is not null).Select(o => (o.Path, new Option<string?>(o.Flag!) { Description = o.Help, Recursive = true, Hidden = true }))];

    public static void AddTo(RootCommand root)
    {
        root.Options.Add(ConfigFile);
        root.Options.Add(Json);
        foreach (var (_, option) in Flags)
        {
            root.Options.Add(option);
        }
    }

    public static LoadedConfig Load(ParseResult parsed) => ClusterConfiguration.Load(parsed.GetValue(ConfigFile), Overrides(parsed));

    public static ClusterConnection Open(ParseResult parsed) => ClusterConnection.Open(parsed.GetValue(ConfigFile), Overrides(parsed));

    private static Dictionary<string, string> Overrides(ParseResult parsed) => Flags
        .Select(f => (f.Path, Value: parsed.GetValue(f.Option)))
        .Where(f => f.Value is not null)
        .ToDictionary(f => f.Path, f => f.Value!, StringComparer.Ordinal);
}
