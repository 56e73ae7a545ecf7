using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace PgCluster.Tests.Integration.Toml;

/// <summary>
/// The public toml-test suite (github.com/toml-lang/toml-test) through our decoder, over its own protocol. The suite is not part of this
/// repository: PGCLUSTER_TOML_TEST names its checked-out <c>tests</c> folder.
/// </summary>
public sealed class TomlSuiteTests
{
    const string Variable = "PGCLUSTER_TOML_TEST";
    const string CaseList = "files-toml-1.0.0";

    static readonly TimeSpan CaseBudget = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Every_valid_case_of_TOML_1_0_decodes_to_what_the_suite_expects()
    {
        var folder = SuiteFolder();
        var cases = Cases(folder, "valid/");

        var failures = await RunAllAsync(cases, async name =>
        {
            var decoded = await DecodeAsync(Path.Combine(folder, name));
            if (decoded.ExitCode != 0)
            {
                return $"exit code {decoded.ExitCode}: {decoded.Errors.Trim()}";
            }

            using var actual = JsonDocument.Parse(decoded.Output);
            using var expected = JsonDocument.Parse(
                await File.ReadAllTextAsync(Path.Combine(folder, Path.ChangeExtension(name, ".json")), TestContext.Current.CancellationToken));
            return Difference(expected.RootElement, actual.RootElement, "$");
        });

        Assert.Empty(failures);
    }

    [Fact]
    public async Task Every_invalid_case_of_TOML_1_0_is_refused_with_a_position()
    {
        var folder = SuiteFolder();
        var cases = Cases(folder, "invalid/");

        var failures = await RunAllAsync(cases, async name =>
        {
            var decoded = await DecodeAsync(Path.Combine(folder, name));
            return decoded switch
            {
                { ExitCode: not 1 } => $"exit code {decoded.ExitCode}: {decoded.Output}{decoded.Errors}",
                { Output.Length: > 0 } => $"wrote output for an invalid document: {decoded.Output}",
                _ when !HasPosition(decoded.Errors) => $"no position in: {decoded.Errors}",
                _ => null,
            };
        });

        Assert.Empty(failures);
    }

    static string SuiteFolder()
    {
        var folder = Environment.GetEnvironmentVariable(Variable);
        Assert.SkipWhen(string.IsNullOrEmpty(folder), $"{Variable} does not name the tests folder of a checked-out toml-test suite");
        Assert.True(File.Exists(Path.Combine(folder!, CaseList)), $"{Variable}={folder}: there is no {CaseList} in it");
        return folder!;
    }

    static List<string> Cases(string folder, string kind)
    {
        var cases = File.ReadLines(Path.Combine(folder, CaseList))
            .Where(line => line.StartsWith(kind, StringComparison.Ordinal) && line.EndsWith(".toml", StringComparison.Ordinal))
            .ToList();
        Assert.True(cases.Count >= 100, $"only {cases.Count} {kind} cases are listed: this is not the whole suite");
        return cases;
    }

    static async Task<IReadOnlyList<string>> RunAllAsync(List<string> cases, Func<string, Task<string?>> run)
    {
        var failures = new ConcurrentBag<string>();
        var options = new ParallelOptions
        {
            MaxDegreeOfParallelism = Environment.ProcessorCount,
            CancellationToken = TestContext.Current.CancellationToken,
        };
        await Parallel.ForEachAsync(cases, options, async (name, _) =>
        {
            if (await run(name) is { } failure)
            {
                failures.Add($"{name}: {failure}");
            }
        });
        return [.. failures.Order(StringComparer.Ordinal)];
    }

    static async Task<(int ExitCode, string Output, string Errors)> DecodeAsync(string file)
    {
        var token = TestContext.Current.CancellationToken;
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(token);
        budget.CancelAfter(CaseBudget);

        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet")
        {
            ArgumentList = { Path.Combine(AppContext.BaseDirectory, "toml-decoder.dll") },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(budget.Token);
            var errors = process.StandardError.ReadToEndAsync(budget.Token);
            await process.StandardInput.BaseStream.WriteAsync(await File.ReadAllBytesAsync(file, budget.Token), budget.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(budget.Token);
            return (process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
            throw new TimeoutException($"the decoder did not finish {file} within {CaseBudget.TotalSeconds} s");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    static bool HasPosition(string message)
    {
        var parts = message.Split(':', 4);
        return parts is ["stdin", _, _, _]
            && int.TryParse(parts[1], CultureInfo.InvariantCulture, out var line) && line >= 1
            && int.TryParse(parts[2], CultureInfo.InvariantCulture, out var column) && column >= 1;
    }

    /// <summary>Where the trees differ; null when they are the same. Numbers and times compare by value, as the suite's README asks.</summary>
    static string? Difference(JsonElement expected, JsonElement actual, string path)
    {
        if (expected.ValueKind != actual.ValueKind)
        {
            return $"{path}: expected {expected}, found {actual}";
        }

        if (expected.ValueKind == JsonValueKind.Array)
        {
            return expected.GetArrayLength() != actual.GetArrayLength()
                ? $"{path}: expected {expected.GetArrayLength()} items, found {actual.GetArrayLength()}"
                : expected.EnumerateArray().Zip(actual.EnumerateArray())
                    .Select((pair, i) => Difference(pair.First, pair.Second, $"{path}[{i}]"))
                    .FirstOrDefault(difference => difference is not null);
        }

        var wanted = Members(expected);
        var found = Members(actual);
        if (!wanted.Keys.ToHashSet().SetEquals(found.Keys))
        {
            return $"{path}: expected the keys {string.Join(", ", wanted.Keys)}, found {string.Join(", ", found.Keys)}";
        }

        if (IsTagged(wanted))
        {
            var type = wanted["type"].GetString()!;
            return IsTagged(found) && found["type"].GetString() == type
                && Same(type, wanted["value"].GetString()!, found["value"].GetString()!)
                    ? null
                    : $"{path}: expected {expected}, found {actual}";
        }

        return wanted.Select(member => Difference(member.Value, found[member.Key], $"{path}.{member.Key}"))
            .FirstOrDefault(difference => difference is not null);
    }

    static Dictionary<string, JsonElement> Members(JsonElement value) =>
        value.EnumerateObject().ToDictionary(member => member.Name, member => member.Value, StringComparer.Ordinal);

    static bool IsTagged(Dictionary<string, JsonElement> members) =>
        members.Count == 2
        && members.TryGetValue("type", out var type) && type.ValueKind == JsonValueKind.String
        && members.TryGetValue("value", out var value) && value.ValueKind == JsonValueKind.String;

    static bool Same(string type, string expected, string actual) => type switch
    {
        "float" => Float(expected).Equals(Float(actual)),
        "datetime" => DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture).EqualsExact(DateTimeOffset.Parse(actual, CultureInfo.InvariantCulture)),
        "datetime-local" => DateTime.Parse(expected, CultureInfo.InvariantCulture) == DateTime.Parse(actual, CultureInfo.InvariantCulture),
        "time-local" => TimeOnly.Parse(expected, CultureInfo.InvariantCulture) == TimeOnly.Parse(actual, CultureInfo.InvariantCulture),
        _ => expected == actual,
    };

    static double Float(string text) => text switch
    {
        "inf" or "+inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        "nan" => double.NaN,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };
}
