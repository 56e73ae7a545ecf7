using System.Runtime.Versioning;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Pooling;

[UnsupportedOSPlatform("windows")]
public sealed class PoolerTemplateTests : IDisposable
{
    private const string Tail = "\n[pgbouncer]\nignore_startup_parameters = options, extra_float_digits\n";

    private static readonly PrimaryAddress Primary = new("db.prod", 6000);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("pgcluster-template-");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Template => Path.Combine(_directory.FullName, "pgbouncer.ini.template");

    private string Config => Path.Combine(_directory.FullName, "pgbouncer.ini");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Variables_are_filled_in_by_name() => Assert.Equal(
        "a = host=db.prod port=6000 dbname=orders x=<&>" + Tail,
        await RenderAsync("a = host={{.Host}} port={{ .Port }} dbname={{\t.Database}} x=<&>" + Tail));

    [Fact]
    public async Task Host_is_not_escaped_for_html() => Assert.Equal(
        "a = host=fe80::1%eth0" + Tail,
        await RenderAsync("a = host={{.Host}}" + Tail, new PrimaryAddress("fe80::1%eth0", 5432)));

    [Theory]
    [InlineData("a = {{.Hots}}", "line 2: {{.Hots}}")]
    [InlineData("a = {{Host}}", "line 2: {{Host}}")]
    [InlineData("a = {{.Host", "line 2: {{ is not closed")]
    [InlineData("a = {{.Host\n}}", "line 2: {{ is not closed")]
    public async Task Mistake_is_named_with_its_line(string text, string expected)
    {
        var error = await Assert.ThrowsAsync<PgClusterException>(() => RenderAsync("[databases]\n" + text + Tail));

        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(Template, error.Message, StringComparison.Ordinal);
        Assert.Equal(Template, error.Target);
    }

    [Theory]
    [InlineData("[pgbouncer]\n")]
    [InlineData("[pgbouncer]\nignore_startup_parameters = options\n")]
    [InlineData("[pgbouncer]\n;ignore_startup_parameters = extra_float_digits\n")]
    [InlineData("[pgbouncer]\nignore_startup_parameters = no_extra_float_digits\n")]
    public async Task Template_that_would_turn_drivers_away_is_refused_by_name(string text)
    {
        var error = await Assert.ThrowsAsync<PgClusterException>(() => RenderAsync(text));

        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        Assert.Contains("ignore_startup_parameters", error.Message, StringComparison.Ordinal);
        Assert.Contains("extra_float_digits", error.Message, StringComparison.Ordinal);
        Assert.Contains(Template, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("host\nadmin_users=evil")]
    [InlineData("host user=evil")]
    [InlineData("host;")]
    [InlineData("'host'")]
    [InlineData("a,b")]
    [InlineData("")]
    public async Task Value_that_would_write_other_settings_is_refused(string host)
    {
        var error = await Assert.ThrowsAsync<PgClusterException>(() => RenderAsync("a = host={{.Host}}" + Tail, new PrimaryAddress(host, 5432)));

        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        Assert.False(File.Exists(Config));
    }

    [Fact]
    public async Task Database_that_is_used_but_not_configured_is_an_error()
    {
        await File.WriteAllTextAsync(Template, "a = dbname={{.Database}}" + Tail, Token);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => new PoolerTemplate(Template, Config, null).RenderAsync(new PoolerTarget(Primary), Token));

        Assert.Contains("line 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Database_of_the_target_takes_the_place_of_the_configured_one()
    {
        await File.WriteAllTextAsync(Template, "a = host={{.Host}} dbname={{.Database}}" + Tail, Token);

        Assert.Equal(
            "a = host=db.prod dbname=orders2" + Tail,
            await new PoolerTemplate(Template, Config, "orders").RenderAsync(new PoolerTarget(Primary, "orders2", "orders"), Token));
    }

    [Theory]
    [InlineData("host={{.Host}} dbname={{.Database}}", "orders", "orders2", null)]
    [InlineData("host={{.Host}} dbname={{.Database}}", "orders", "orders", null)]
    [InlineData("host={{.Host}} dbname=orders", "orders", "orders", null)]
    [InlineData("host={{.Host}} dbname=orders", "postgres", "orders", null)]
    [InlineData("host={{.Host}} dbname=orders", "postgres", "orders2", "has no {{.Database}} that would lead from orders to orders2")]
    [InlineData("host={{.Host}} dbname={{.Database}}", "postgres", "orders2", "is postgres, not orders")]
    [InlineData("host={{.Host}} dbname={{.Database}}", "orders", "a b", "character that means something")]
    [InlineData("host={{.Hots}}", "orders", "orders", "line 1")]
    public async Task Redirect_that_the_template_cannot_follow_is_objected_to(string entry, string configured, string database, string? expected)
    {
        await File.WriteAllTextAsync(Template, "a = " + entry + Tail, Token);
        var redirect = new Redirect(Guid.NewGuid(), RedirectState.Pending, "db.new", 5433, database, "orders");

        var objection = await new PoolerTemplate(Template, Config, configured).ObjectionAsync(redirect, Token);

        if (expected is null)
        {
            Assert.Null(objection);
        }
        else
        {
            Assert.Contains(expected, objection, StringComparison.Ordinal);
        }

        Assert.False(File.Exists(Config));
    }

    [Fact]
    public async Task New_file_is_readable_by_all_and_nothing_is_left_beside_it()
    {
        await WriteAsync();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(Config));
        Assert.Equal("a = host=db.prod" + Tail, await File.ReadAllTextAsync(Config, Token));
        Assert.Equal(2, _directory.GetFiles().Length);
    }

    [Fact]
    public async Task Mode_of_the_file_replaced_is_kept_and_so_is_a_link_to_it()
    {
        var real = Path.Combine(_directory.CreateSubdirectory("real").FullName, "real.ini");
        await File.WriteAllTextAsync(real, "old", Token);
        File.SetUnixFileMode(real, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        File.CreateSymbolicLink(Config, real);
        using var before = File.OpenRead(real);

        await WriteAsync();

        Assert.NotNull(new FileInfo(Config).LinkTarget);
        Assert.Equal("a = host=db.prod" + Tail, await File.ReadAllTextAsync(real, Token));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(real));

        // Replaced, not overwritten: who had the old file open still reads the old one, whole.
        using var reader = new StreamReader(before);
        Assert.Equal("old", await reader.ReadToEndAsync(Token));
    }

    [Fact]
    public async Task File_that_is_right_already_is_not_touched()
    {
        await WriteAsync();
        var stamp = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(Config, stamp);

        await WriteAsync();

        Assert.Equal(stamp, File.GetLastWriteTimeUtc(Config));
    }

    [Fact]
    public async Task Directory_that_is_not_there_is_an_error_with_the_path()
    {
        await File.WriteAllTextAsync(Template, "a = host={{.Host}}" + Tail, Token);
        var config = Path.Combine(_directory.FullName, "none", "pgbouncer.ini");

        var error = await Assert.ThrowsAsync<PgClusterException>(
            () => new PoolerTemplate(Template, config, null).WriteAsync(new PoolerTarget(Primary), Token));

        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        Assert.Contains(config, error.Message, StringComparison.Ordinal);
    }

    private async Task<string> RenderAsync(string template, PrimaryAddress? primary = null)
    {
        await File.WriteAllTextAsync(Template, template, Token);
        return await new PoolerTemplate(Template, Config, "orders").RenderAsync(new PoolerTarget(primary ?? Primary), Token);
    }

    private async Task WriteAsync()
    {
        await File.WriteAllTextAsync(Template, "a = host={{.Host}}" + Tail, Token);
        await new PoolerTemplate(Template, Config, null).WriteAsync(new PoolerTarget(Primary), Token);
    }
}
