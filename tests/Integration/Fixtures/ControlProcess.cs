using System.Diagnostics;
using System.Text;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>An etcdctl that runs.</summary>
public sealed class ControlProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();

    internal ControlProcess(EtcdServer server, IReadOnlyList<EtcdMember> members, string? user, IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo("etcdctl")
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        start.Environment["ETCDCTL_API"] = "3";
        if (user is not null)
        {
            start.Environment["ETCDCTL_USER"] = user;
        }

        start.ArgumentList.Add("--dial-timeout=30s");
        start.ArgumentList.Add("--command-timeout=30s");
        start.ArgumentList.Add("--endpoints=" + string.Join(',', members.Select(member => $"{member.ClientUrl.Scheme}://{member.ClientUrl.Authority}")));
        foreach (var argument in (server.Options.Certificates?.ControlArguments ?? []).Concat(arguments))
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.ErrorDataReceived += (_, line) => Add(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>What it printed so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>Waits for its end and returns what it printed; an exit code other than 0 is an error.</summary>
    public async Task<string> FinishAsync()
    {
        using (_process)
        {
            await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return _process.ExitCode == 0 ? Output : throw new InvalidOperationException($"etcdctl ended with {_process.ExitCode}: {Output}");
        }
    }

    /// <summary>SIGINT, on which etcdctl lock gives the lock back; kills it when it does not end.</summary>
    public async ValueTask DisposeAsync()
    {
        using (_process)
        {
            if (!_process.HasExited)
            {
                _process.Kill();
            }

            await _process.WaitForExitAsync();
        }
    }

    private void Add(string? line)
    {
        lock (_output)
        {
            _output.AppendLine(line);
        }
    }
}
