"""From counts of randomised reports to estimates with error bars. Only numbers in and out."""
