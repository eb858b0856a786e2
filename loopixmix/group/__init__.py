"""Groups of prime order, for protocols that compute on whole columns of elements: elections, for one."""
