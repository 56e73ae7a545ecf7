using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class PrimaryConnectionInfoTests
{
    private static readonly LocalPostgresOptions Options = new() { NodeName = "pg-02", DataDirectory = "/nowhere", ReplicationUser = "replicator" };

    [Theory]
    [InlineData(null, "application_name=pg-02 host=10.0.0.1 port=5433 user=replicator")]
    [InlineData("", "application_name=pg-02 host=10.0.0.1 port=5433 user=replicator")]
    [InlineData("user=x hostaddr=1.2.3.4 sslmode=verify-full", "user=replicator sslmode=verify-full application_name=pg-02 host=10.0.0.1 port=5433")]
    [InlineData("port='5433' host='10.0.0.1' user=replicator application_name='pg-02'", "port='5433' host='10.0.0.1' user=replicator application_name='pg-02'")]
    [InlineData("postgresql://other", "application_name=pg-02 host=10.0.0.1 port=5433 user=replicator")]
    public async Task Leads_to_the_upstream_and_keeps_the_rest(string? existing, string expected) =>
        Assert.Equal(expected, await BuildAsync(Options, existing));

    [Fact]
    public async Task Names_the_password_file_and_falls_back_to_the_superuser()
    {
        var options = Options with { ReplicationUser = "", PassFile = "/etc/a b/.pgpass" };
        Assert.Equal("application_name=pg-02 host=10.0.0.1 port=5433 user=postgres passfile='/etc/a b/.pgpass'", await BuildAsync(options, null));
    }

    [Fact]
    public void The_password_is_not_in_the_text_form() =>
        Assert.DoesNotContain("hush", (Options with { Password = "hush" }).ToString(), StringComparison.Ordinal);

    private static async Task<string> BuildAsync(LocalPostgresOptions options, string? existing)
    {
        await using var server = new LocalPostgresServer(options, TimeProvider.System, NullLogger<LocalPostgresServer>.Instance);
        return server.BuildConnectionInfo(existing, new UpstreamAddress("pg01", "10.0.0.1", 5433));
    }
}
