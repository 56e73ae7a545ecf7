using System.Globalization;

namespace PgCluster.Bench;

/// <summary>A bench's command line: --name value, and --json.</summary>
internal sealed class BenchArguments
{
    private readonly Dictionary<string, int> _numbers;

    private BenchArguments(Dictionary<string, int> numbers, bool json)
    {
        _numbers = numbers;
        Json = json;
    }

    /// <summary>True when one JSON object is wanted instead of tables.</summary>
    public bool Json { get; }

    public int this[string name] => _numbers[name];

    /// <summary>Reads the arguments; null when they are wrong, which has been said then.</summary>
    public static BenchArguments? Parse(string[] arguments, params (string Name, int Default, int Least)[] known)
    {
        var numbers = known.ToDictionary(k => k.Name, k => k.Default, StringComparer.Ordinal);
        var json = false;
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] == "--json")
            {
                json = true;
                continue;
            }

            var option = Array.Find(known, k => $"--{k.Name}" == arguments[i]);
            if (option.Name is null || ++i == arguments.Length
                || !int.TryParse(arguments[i], NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value < option.Least)
            {
                Console.Error.WriteLine($"usage: [--json] {string.Join(' ', known.Select(k => $"[--{k.Name} N (default {k.Default}, at least {k.Least})]"))}");
                return null;
            }

            numbers[option.Name] = value;
        }

        return new BenchArguments(numbers, json);
    }
}
