using System.CommandLine;
using PgCluster.Engine.Configuration;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster config show</c>.</summary>
internal static class ConfigCommand
{
    public static Command Create()
    {
        var show = new Command("show", "Prints the effective configuration as commented TOML.");
        show.SetAction(parsed =>
        {
            var loaded = ConfigurationOptions.Load(parsed);
            Console.Out.Write(ConfigRenderer.Render(loaded.Config, comments: true, loaded.Origins));
            return ExitCodes.Done;
        });
        return new Command("config", "Looks at the configuration.") { show };
    }
}
