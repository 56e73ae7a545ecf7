using PgCluster.Adapters.Toml;
using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Toml;

public sealed class ConfigLoaderTests : IDisposable
{
    static readonly Dictionary<string, string> Nothing = [];

    readonly string _directory = Directory.CreateTempSubdirectory("pgcluster-config-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Reads_file_environment_and_flags()
    {
        var path = Write("[cluster]\nname = 'demo'\n[failover]\nlock_ttl = '61s'\nresume_timeout = '6s'\nundo_timeout = '31s'");

        var loaded = ConfigLoader.Load(
            path,
            new Dictionary<string, string> { ["PGCLUSTER_FAILOVER_RESUME_TIMEOUT"] = "7s", ["PGCLUSTER_FAILOVER_UNDO_TIMEOUT"] = "32s", ["PATH"] = "/bin" },
            new Dictionary<string, string> { ["failover.undo_timeout"] = "33s" });

        Assert.Equal(path, loaded.File);
        Assert.Equal("demo", loaded.Config.Name);
        Assert.Equal(TimeSpan.FromSeconds(61), loaded.Config.Failover.LockTtl);
        Assert.Equal(TimeSpan.FromSeconds(7), loaded.Config.Failover.ResumeTimeout);
        Assert.Equal(TimeSpan.FromSeconds(33), loaded.Config.Failover.UndoTimeout);
    }

    [Fact]
    public void Works_without_a_file()
    {
        var loaded = ConfigLoader.Load(null, new Dictionary<string, string> { ["PGCLUSTER_CLUSTER_NAME"] = "demo" });

        Assert.Null(loaded.File);
        Assert.Equal(new ClusterConfig { Name = "demo", Etcd = new() { Namespace = "/pgcluster/demo" } }, loaded.Config);
    }

    [Fact]
    public void Relative_paths_are_relative_to_the_file_that_has_them()
    {
        var path = Write("[cluster]\nname = 'demo'\n[tls]\nca_file = 'tls/ca.pem'\ncert_file = '../cert.pem'\nkey_file = '/etc/key.pem'");

        var tls = ConfigLoader.Load(path, Nothing).Config.Tls;

        Assert.Equal(Path.Combine(_directory, "tls", "ca.pem"), tls.CaFile);
        Assert.Equal(Path.Combine(Path.GetDirectoryName(_directory)!, "cert.pem"), tls.CertFile);
        Assert.Equal("/etc/key.pem", tls.KeyFile);
    }

    [Fact]
    public void Relative_paths_of_the_environment_and_of_flags_are_relative_to_the_working_directory()
    {
        var path = Write("[cluster]\nname = 'demo'");
        var environment = new Dictionary<string, string> { ["PGCLUSTER_POSTGRES_PASSWORD_FILE"] = "secrets/pg" };
        var flags = new Dictionary<string, string> { ["etcd.ca_file"] = "ca.pem" };

        var config = ConfigLoader.Load(path, environment, flags).Config;

        Assert.Equal(Path.GetFullPath("secrets/pg"), config.Postgres.PasswordFile);
        Assert.Equal(Path.GetFullPath("ca.pem"), config.Etcd.CaFile);
    }

    [Fact]
    public void A_file_that_is_not_there_is_said_by_name()
    {
        var path = Path.Combine(_directory, "none.toml");

        AssertRefused(path, "there is no such file");
        AssertRefused(Path.Combine(_directory, "no", "such", "none.toml"), "there is no such file");
    }

    [Fact]
    public void A_directory_is_no_file() => AssertRefused(_directory, "is a directory");

    [Fact]
    public void A_path_no_file_can_have_is_refused() => AssertRefused(Path.Combine(_directory, "a\0b"), "");

    [Fact]
    public void What_is_not_utf_8_is_said_with_its_place()
    {
        var path = Write("");
        File.WriteAllBytes(path, [.. "[cluster]\nname = '"u8, 0xC3, (byte)'\'']);

        AssertRefused(path, ":2:9: the byte 0xC3 is not UTF-8");
    }

    [Fact]
    public void Errors_of_the_file_carry_its_name() => AssertRefused(Write("[cluster]\nname = ''"), ":2:8: cluster.name is \"\"; expected a name");

    string Write(string toml)
    {
        var path = Path.Combine(_directory, "pgcluster.toml");
        File.WriteAllText(path, toml);
        return path;
    }

    static void AssertRefused(string path, string message)
    {
        var error = Assert.Throws<PgClusterException>(() => ConfigLoader.Load(path, Nothing));
        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        Assert.Equal(path, error.Target);
        Assert.StartsWith(path + ":", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }
}
