using PgCluster.Adapters.Toml;
using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Configuration;

/// <summary>Configurations out of texts, without a file.</summary>
static class ConfigTexts
{
    public const string ThreeNodes = """
        [cluster]
        name = "demo"

        [[nodes]]
        name = "pg01"
        host = "10.0.0.1"
        agent = "10.0.0.1:8432"
        http = "10.0.0.1:8008"

        [[nodes]]
        name = "pg02"
        host = "10.0.0.2"
        agent = "10.0.0.2:8432"
        http = "10.0.0.2:8008"

        [[poolers]]
        name = "pool01"
        host = "10.0.0.1"
        node = "pg01"

        [[poolers]]
        name = "app"
        host = "app.example.com"
        keeper = "app.example.com:8433"

        """;

    public static LoadedConfig Load(string? toml, Dictionary<string, string>? environment = null, Dictionary<string, string>? flags = null) =>
        ConfigBinder.Bind(new()
        {
            File = toml is null ? null : TomlReader.Parse(toml, "c.toml"),
            FileName = "c.toml",
            Environment = environment ?? [],
            Flags = flags ?? [],
        });

    public static string[] Problems(string? toml, Dictionary<string, string>? environment = null, Dictionary<string, string>? flags = null)
    {
        var error = Assert.Throws<PgClusterException>(() => Load(toml, environment, flags));
        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        return error.Message.Split('\n');
    }
}
