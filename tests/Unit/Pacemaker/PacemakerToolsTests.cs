using PgCluster.Adapters.Pacemaker;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pacemaker;

namespace PgCluster.Tests.Unit.Pacemaker;

/// <summary>What is asked of the tools, by scripts that stand in for them; the tools themselves are in tests/Integration/Pacemaker.</summary>
public sealed class PacemakerToolsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pacemaker-tools").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public PacemakerToolsTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "the stand-ins are shell scripts");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task PG_17_an_id_is_resolved_by_corosync_and_anything_else_is_refused_before_it_is_asked()
    {
        Script("corosync-cfgtool", "printf '172.17.0.4\\n'");

        Assert.Equal("172.17.0.4", await Tools().GetAddressAsync("1", Token));
        Assert.Equal("172.17.0.4", await Tools().GetAddressAsync("  1", Token));
        Assert.Equal(["-a 1", "-a 1"], Asked("corosync-cfgtool"));
        foreach (var id in new[] { "invalid-node-id", "", "1 2", "-1" })
        {
            var refused = await Assert.ThrowsAsync<PgClusterException>(() => Tools().GetAddressAsync(id, Token));
            Assert.Equal(Reason.InvalidArgument, refused.Reason);
            Assert.Contains($"'{id}'", refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal(2, Asked("corosync-cfgtool").Length);
    }

    [Fact]
    public async Task PG_17_a_tool_that_is_not_there_is_named() =>
        Assert.Equal(Reason.MissingProgram, (await Assert.ThrowsAsync<PgClusterException>(() => Tools().GetAddressAsync("1", Token))).Reason);

    [Fact]
    public async Task PG_8_a_query_that_fails_says_why()
    {
        Script("cibadmin", "echo oops >&2; exit 102");

        var failed = await Assert.ThrowsAsync<PgClusterException>(() => Tools().ReadAsync(Token));
        Assert.Equal(Reason.PacemakerUnavailable, failed.Reason);
        Assert.Contains("exit code 102: oops", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_query_that_hangs_ends_in_its_budget()
    {
        Script("cibadmin", "exec sleep 60");

        var failed = await Assert.ThrowsAsync<PgClusterException>(() => Tools(new PacemakerConfig { QueryTimeout = TimeSpan.FromMilliseconds(200) }).ReadAsync(Token));
        Assert.Equal(Reason.PacemakerUnavailable, failed.Reason);
    }

    [Fact]
    public async Task A_move_names_the_promoted_role_as_the_installed_version_does()
    {
        Script("crm_resource", "case \"$*\" in *--promoted*) exit 64;; esac");

        await Tools().MoveAsync("msPostgresql", "pg02", TimeSpan.FromSeconds(24.2), Token);
        Assert.Equal(
            ["--move --promoted --resource msPostgresql --node pg02 --lifetime PT25S", "--move --master --resource msPostgresql --node pg02 --lifetime PT25S"], Asked("crm_resource"));
    }

    [Fact]
    public async Task Every_order_is_one_call_and_reads_nothing_as_a_shell_would()
    {
        Script("crm_resource", "");
        Script("crm_attribute", "");
        var tools = Tools();

        await tools.ClearAsync("ms; reboot", Token);
        await tools.RefreshAsync("Postgresql", "$(pg01)", Token);
        await tools.SetMaintenanceAsync(true, Token);
        await tools.SetMaintenanceAsync(false, Token);
        await tools.SetStandbyAsync("pg02", true, Token);
        await tools.SetStandbyAsync("pg02", false, Token);

        Assert.Equal(["--clear --resource ms; reboot", "--refresh --resource Postgresql --node $(pg01)"], Asked("crm_resource"));
        Assert.Equal(
            [
                "--type crm_config --name maintenance-mode --update true", "--type crm_config --name maintenance-mode --delete",
                "--node pg02 --name standby --update on", "--node pg02 --name standby --delete",
            ],
            Asked("crm_attribute"));
    }

    [Fact]
    public async Task A_move_is_rehearsed_on_a_copy()
    {
        Script("cibadmin", "echo '<cib/>'");
        Script("crm_resource", "cp \"$CIB_file\" \"$0.copy\"");
        Script("crm_simulate", "printf 'Transition Summary:\\n  * Promote Postgresql:1 ( Unpromoted -> Promoted pg02 )\\n\\n'; test -f \"$3\"");

        Assert.Equal(["Promote Postgresql:1 ( Unpromoted -> Promoted pg02 )"], await Tools().SimulateMoveAsync("msPostgresql", "pg02", Token));
        Assert.Equal("<cib/>\n", await File.ReadAllTextAsync(Path.Combine(_directory, "crm_resource.copy"), Token));
        Assert.Equal(["--move --promoted --resource msPostgresql --node pg02"], Asked("crm_resource"));
    }

    [Fact]
    public async Task What_the_monitor_tells_its_agent_is_told_until_it_ends()
    {
        Script("crm_mon", "printf 'drawn\\033[2JTERM=vt100\\nCRM_notify_rsc=pgsql\\nCRM_notify_desc=ok\\nCRM_notify_desc=not running\\n'");

        var told = new List<string>();
        await foreach (var what in Tools().WatchAsync(Token))
        {
            told.Add(what);
        }

        Assert.Equal(["ok", "not running"], told);
        Assert.Equal(["--external-agent /usr/bin/env"], Asked("crm_mon"));
    }

    [Fact]
    public void The_lock_file_is_found_and_removed()
    {
        var tools = Tools();
        Assert.False(tools.HasLockFile(_directory));
        tools.RemoveLockFile(_directory);
        File.WriteAllText(Path.Combine(_directory, "PGSQL.lock"), "");

        Assert.True(tools.HasLockFile(_directory));
        tools.RemoveLockFile(_directory);
        Assert.False(tools.HasLockFile(_directory));
    }

    private PacemakerTools Tools(PacemakerConfig? options = null) => new(options ?? new PacemakerConfig { QueryTimeout = TimeSpan.FromSeconds(30) }, TimeProvider.System, _directory);

    private string[] Asked(string tool) => File.ReadAllLines(Path.Combine(_directory, tool + ".asked"));

    private void Script(string tool, string body)
    {
        var path = Path.Combine(_directory, tool);
        File.WriteAllText(path, $"#!/bin/sh\necho \"$*\" >> \"$0.asked\"\n{body}\n");
        if (OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
